{{- define "gfd.name" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "gfd.fullname" -}}
{{- $own := printf "%s-%s" .Release.Name (include "gfd.name" .) -}}
{{- $short := ternary .Release.Name $own (contains (include "gfd.name" .) .Release.Name) -}}
{{ .Values.fullnameOverride | default $short | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- /* A CronJob's name has at most 52 characters. */ -}}
{{- define "gfd.reportName" -}}
{{ include "gfd.fullname" . | trunc 45 | trimSuffix "-" }}-report
{{- end }}

{{- define "gfd.testName" -}}
{{ include "gfd.fullname" . }}-test
{{- end }}

{{- define "gfd.namespace" -}}
{{ .Values.namespaceOverride | default .Release.Namespace }}
{{- end }}

{{- define "gfd.serviceAccountName" -}}
{{ .Values.serviceAccount.name | default (include "gfd.fullname" .) }}
{{- end }}

{{- /* Values of NVIDIA's chart name its image, which would run as root here. */ -}}
{{- define "gfd.image" -}}
{{- $repository := .Values.image.repository -}}
{{- $others := "^((nvcr\\.io|docker\\.io/nvidia|ghcr\\.io/nvidia|nvidia|registry\\.gitlab\\.com/nvidia|registry\\.k8s\\.io/nfd)/.*|(.*/)?(k8s-device-plugin|node-feature-discovery))$" -}}
{{- if regexMatch $others $repository -}}
{{- fail (printf "image.repository: %s is not an image of gfd; build gfd's image, push it, and name it with image.repository and image.tag" $repository) -}}
{{- end -}}
{{ printf "%s:%s" $repository (.Values.image.tag | default .Chart.AppVersion) | quote }}
{{- end }}

{{- define "gfd.hasPolicy" -}}
{{- if and .Values.gfd.enabled .Values.policy.enabled (or (ne .Values.sink "file") .Values.nodeCondition) -}}
{{- include "gfd.checkPolicy" . -}}
true
{{- end -}}
{{- end }}

{{- define "gfd.checkPolicy" -}}
{{- if semverCompare "< 1.30.0-0" .Capabilities.KubeVersion.Version -}}
{{- $needs := printf "a ValidatingAdmissionPolicy needs Kubernetes 1.30 or newer, and this is %s" .Capabilities.KubeVersion.Version -}}
{{- if .Values.policy.serviceAccount -}}
{{- fail (printf "policy.serviceAccount: %s; leave policy.serviceAccount out%s" $needs (ternary ", and set policy.enabled=false" "" .Values.gfd.enabled)) -}}
{{- end -}}
{{- fail (printf "policy.enabled: %s; set policy.enabled=false, or sink=file%s" $needs (ternary " and nodeCondition=false" "" .Values.nodeCondition)) -}}
{{- end -}}
{{- if and .Values.policy.serviceAccount (not .Values.policy.enabled) -}}
{{- fail "policy.serviceAccount: there is no policy with policy.enabled=false; leave one of the two values out" -}}
{{- end -}}
{{- end }}

{{- define "gfd.hasConditionPolicy" -}}
{{- if .Values.nodeCondition }}{{ include "gfd.hasPolicy" . }}{{ end }}
{{- end }}

{{- /* Helm shows the name of a template that fails. */ -}}
{{- define "asAnnotations must be a regular expression" -}}
{{- mustRegexMatch .Values.asAnnotations "" -}}
{{- end }}

{{- /* The condition in Chart.yaml: the first value that is set decides. */ -}}
{{- define "gfd.wantsNfd" -}}
{{- if ternary .Values.nfd.enabled .Values.gfd.enabled (kindIs "bool" .Values.nfd.enabled) }}true{{ end }}
{{- end }}

{{- define "gfd.selectorLabels" -}}
{{- if .Values.selectorLabelsOverride -}}
{{ toYaml .Values.selectorLabelsOverride }}
{{- else -}}
app.kubernetes.io/name: {{ include "gfd.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- end }}

{{- define "gfd.labels" -}}
{{ include "gfd.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "gfd.configMap" -}}
{{ .Values.config.name | default (ternary (printf "%s-configs" (include "gfd.fullname" .)) "" (not (empty .Values.config.map))) }}
{{- end }}

{{- /* What a configuration of the map, or of a foreign ConfigMap, says of MIG is not known for certain. With DRA, each MIG profile is labelled. */ -}}
{{- define "gfd.mayHaveMig" -}}
{{- $hasMig := or (not (has (.Values.migStrategy | default "none") (list "none"))) (include "gfd.configMap" .) (ne .Values.allocation "device-plugin") }}
{{- if and $hasMig (not (has .Values.deviceDiscoveryStrategy (list "tegra" "vfio"))) }}true{{ end }}
{{- end }}

{{- /* The device nodes of a Jetson belong to the group video, which is 44 on Debian and Ubuntu. */ -}}
{{- define "gfd.podSecurityContext" -}}
seccompProfile: {type: RuntimeDefault}
{{- if eq (.Values.deviceDiscoveryStrategy | default "") "tegra" }}
supplementalGroups: [44]
{{- end }}
{{- end }}

{{- /* Choosing a configuration reads the Node; its condition and the other sinks than the file need the API. */ -}}
{{- define "gfd.needsToken" -}}
{{- if or (ne .Values.sink "file") (include "gfd.configMap" .) .Values.nodeCondition (eq .Values.allocation "auto") }}true{{ end }}
{{- end }}

{{- /* The keys that gfd renders, and those that the values let templates write. */ -}}
{{- define "gfd.keys" -}}
nvidia\.com/(gfd\.timestamp|cuda\.(driver|runtime)(-version)?\.(full|major|minor|rev|revision)|(mig|mps)\.capable|mig\.(strategy|count|profile\.[-+.0-9a-z]+)|vgpu\.(present|host-driver-version|host-driver-branch)|gpu\.(machine|mode|clique|family|numa-nodes|numa-node\.[0-9]+|pcie-roots|addressable-memory|power\.limit(\.default)?|nvlink\.(links|all-to-all)|memory\.unified|compute\.(major|minor)|pcie\.(generation|width)|count\.[-.0-9A-Za-z_]+|model(\.(memory|brand|architecture|device-id))?)|(gpu|mig-[-+.0-9a-z]+)(\.shared)?\.(count|product|replicas|sharing-strategy|memory|multiprocessors|slices\.(gi|ci)|engines\.(copy|decoder|encoder|jpeg|ofa)))
{{- range .Values.labelPrefixAllow }}|{{ regexQuoteMeta (trimSuffix "/" .) }}/.*{{ end }}
{{- range .Values.templateKeys }}|{{ regexQuoteMeta . }}{{ end }}
{{- end }}

{{- /* The keys of NVIDIA's GPU operator and of Kubernetes (NFD's apart), whatever the values say. */ -}}
{{- define "gfd.reservedKeys" -}}
nvidia\.com/(gpu\.(present|deploy\..*|workload\.config)|gpu-driver-upgrade-.*|gpu-operator\..*|(mig|vgpu)\.config.*|(gdrcopy|gds|peermem)\.capable|cc\..*)|([^/]*\.)?(kubernetes|k8s)\.io/.*
{{- end }}

{{- define "gfd.meta" -}}
name: {{ include "gfd.fullname" . }}
namespace: {{ include "gfd.namespace" . }}
labels:
  {{- include "gfd.labels" . | nindent 2 }}
{{- end }}
