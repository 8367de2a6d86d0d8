# The installed gfd prints the completions at the first Tab, so that they always match it.
if command -q gfd
    gfd completion fish 2>/dev/null | source
end
