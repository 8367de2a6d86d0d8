/*
 * The machine that the stand-in plays, and how its description is read.
 *
 * The description has one record a line; '#' starts a comment line. Values hold no blanks; any byte can be
 * written \xNN. A question whose answer is left out is answered with Not Supported.
 *
 *   system  driver= nvml= cuda=
 *   gpu     name= uuid= serial= brand= architecture= cc_major= cc_minor= memory= pci= pci_device_id= minor=
 *           pcie_generation= pcie_width= virtualization= mig=<0 or 1; left out: no MIG> max_mig= ci_offset=
 *           power_limit= power_default=<mW> nvlinks=<how many links it has> nvlinks_active=
 *           nvlink_peers=<a bit for each GPU that it reaches>
 *           fabric_state= fabric_status= fabric_cluster=<32 hex digits> fabric_clique=
 *   profile enum= id= slices= max= memory_mib= sm= copy= decoder= encoder= jpeg= ofa= name=
 *   mig     index= uuid= name= gi= ci= gi_profile=<id> ci_enum= start= size= gi_slices= ci_slices=
 *           memory_mib= sm= copy= decoder= encoder= jpeg= ofa=
 *   fault   function= [gpu=<index>] [mig=<index>] [after=<calls>] error=<nvmlReturn_t> | hang | segv | exit
 *           [prints=<text> [times=<number>]] [scribbles=<text>] [drinks]
 *   missing function=    (for whoever compiles the library; ignored here)
 *
 * Profiles and MIG devices belong to the last gpu. A compute-instance profile's id is its enum plus the
 * GPU's ci_offset. A fault's function may be written without its version: nvmlInit stands for nvmlInit_v2
 * and nvmlInitWithFlags too. With gpu= and no mig= it is about the GPU and its MIG devices; mig=-1 is the
 * GPU alone. Its calls are counted over the life of the process, until its line changes. Before anything
 * else it prints a text on standard output, writes one to every other descriptor that takes it, and reads
 * standard input, logging how much there was; with none of error, hang, segv and exit it then does its work.
 * The function "load" stands for the loading of the library.
 */
#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_GPUS = 32, MAX_MIGS = 16, MAX_PROFILES = 32, MAX_FAULTS = 64 };

#define UNSET INT64_MIN /* a number that the description leaves out; a text is NULL */

#define SYSTEM_FIELDS(TEXT, NUMBER) TEXT(driver) TEXT(nvml) NUMBER(cuda)

#define GPU_FIELDS(TEXT, NUMBER)                                                                             \
    TEXT(name) TEXT(uuid) TEXT(serial) TEXT(pci) TEXT(fabric_cluster)                                        \
    NUMBER(brand) NUMBER(architecture) NUMBER(cc_major) NUMBER(cc_minor) NUMBER(memory)                      \
    NUMBER(pci_device_id) NUMBER(minor) NUMBER(pcie_generation) NUMBER(pcie_width) NUMBER(virtualization)    \
    NUMBER(power_limit) NUMBER(power_default) NUMBER(nvlinks) NUMBER(nvlinks_active) NUMBER(nvlink_peers)    \
    NUMBER(mig) NUMBER(max_mig) NUMBER(ci_offset)                                                            \
    NUMBER(fabric_state) NUMBER(fabric_status) NUMBER(fabric_clique)

#define ENGINE_FIELDS(NUMBER)                                                                                \
    NUMBER(memory_mib) NUMBER(sm) NUMBER(copy) NUMBER(decoder) NUMBER(encoder) NUMBER(jpeg) NUMBER(ofa)

#define PROFILE_FIELDS(TEXT, NUMBER)                                                                         \
    TEXT(name) NUMBER(enum) NUMBER(id) NUMBER(slices) NUMBER(max) ENGINE_FIELDS(NUMBER)

#define MIG_FIELDS(TEXT, NUMBER)                                                                             \
    TEXT(uuid) TEXT(name) NUMBER(index) NUMBER(gi) NUMBER(ci) NUMBER(gi_profile) NUMBER(ci_enum)             \
    NUMBER(start) NUMBER(size) NUMBER(gi_slices) NUMBER(ci_slices) ENGINE_FIELDS(NUMBER)

#define FAULT_FIELDS(TEXT, NUMBER)                                                                           \
    TEXT(function) TEXT(prints) TEXT(scribbles)                                                              \
    NUMBER(gpu) NUMBER(mig) NUMBER(after) NUMBER(error) NUMBER(hang) NUMBER(segv) NUMBER(exit)               \
    NUMBER(times) NUMBER(drinks)

/* The trailing underscore lets a field be called what C calls something: profile.enum_. */
#define TEXT_MEMBER(name) char *name##_;
#define NUMBER_MEMBER(name) int64_t name##_;

struct profile {
    PROFILE_FIELDS(TEXT_MEMBER, NUMBER_MEMBER)
};

struct mig {
    MIG_FIELDS(TEXT_MEMBER, NUMBER_MEMBER)
};

struct gpu {
    GPU_FIELDS(TEXT_MEMBER, NUMBER_MEMBER)
    int profile_count, mig_count;
    struct profile profiles[MAX_PROFILES];
    struct mig migs[MAX_MIGS];
};

struct fault {
    FAULT_FIELDS(TEXT_MEMBER, NUMBER_MEMBER)
    int64_t calls;
};

struct machine {
    SYSTEM_FIELDS(TEXT_MEMBER, NUMBER_MEMBER)
    int gpu_count, fault_count;
    struct gpu gpus[MAX_GPUS];
    struct fault faults[MAX_FAULTS];
    char *text; /* what was read; the machine's texts point into it */
};

struct field {
    const char *name;
    size_t offset;
    int is_text;
};

#define TEXT_FIELD(name) {#name, offsetof(struct RECORD, name##_), 1},
#define NUMBER_FIELD(name) {#name, offsetof(struct RECORD, name##_), 0},
#define RECORD machine
static const struct field system_fields[] = {SYSTEM_FIELDS(TEXT_FIELD, NUMBER_FIELD){NULL, 0, 0}};
#undef RECORD
#define RECORD gpu
static const struct field gpu_fields[] = {GPU_FIELDS(TEXT_FIELD, NUMBER_FIELD){NULL, 0, 0}};
#undef RECORD
#define RECORD profile
static const struct field profile_fields[] = {PROFILE_FIELDS(TEXT_FIELD, NUMBER_FIELD){NULL, 0, 0}};
#undef RECORD
#define RECORD mig
static const struct field mig_fields[] = {MIG_FIELDS(TEXT_FIELD, NUMBER_FIELD){NULL, 0, 0}};
#undef RECORD
#define RECORD fault
static const struct field fault_fields[] = {FAULT_FIELDS(TEXT_FIELD, NUMBER_FIELD){NULL, 0, 0}};
#undef RECORD

static void unescape(char *text)
{
    char *out = text;
    while (*text) {
        if (text[0] == '\\' && text[1] == 'x' && isxdigit((unsigned char)text[2])
            && isxdigit((unsigned char)text[3])) {
            const char digits[] = {text[2], text[3], 0};
            *out++ = (char)strtoul(digits, NULL, 16);
            text += 4;
        } else {
            *out++ = *text++;
        }
    }
    *out = 0;
}

/* A word without a value counts as 1. */
static int parse_number(const char *text, int64_t *number)
{
    char *end;
    errno = 0;
    *number = text ? strtoll(text, &end, 0) : 1;
    return !text || (*text && !*end && !errno);
}

/* Fills a record from the words "name=value" that are left of a line. */
static int parse_record(char *words, const struct field *fields, void *record)
{
    for (const struct field *field = fields; field->name; field++)
        if (!field->is_text)
            *(int64_t *)((char *)record + field->offset) = UNSET;
    for (char *word; (word = strsep(&words, " ")) != NULL;) {
        const char *name = strsep(&word, "=");
        const struct field *field = fields;
        if (!*name)
            continue;
        while (field->name && strcmp(field->name, name) != 0)
            field++;
        void *place = (char *)record + field->offset;
        if (!field->name || (field->is_text ? !word : !parse_number(word, place)))
            return 0;
        if (field->is_text) {
            unescape(word);
            *(char **)place = word;
        }
    }
    return 1;
}

static int parse_line(char *line, struct machine *machine)
{
    struct gpu *gpu = machine->gpu_count ? &machine->gpus[machine->gpu_count - 1] : NULL;
    const char *kind = strsep(&line, " ");
    if (!*kind || *kind == '#' || !strcmp(kind, "missing"))
        return 1;
    if (!strcmp(kind, "system"))
        return parse_record(line, system_fields, machine);
    if (!strcmp(kind, "gpu") && machine->gpu_count < MAX_GPUS)
        return parse_record(line, gpu_fields, &machine->gpus[machine->gpu_count++]);
    if (!strcmp(kind, "profile") && gpu && gpu->profile_count < MAX_PROFILES)
        return parse_record(line, profile_fields, &gpu->profiles[gpu->profile_count++]);
    if (!strcmp(kind, "mig") && gpu && gpu->mig_count < MAX_MIGS)
        return parse_record(line, mig_fields, &gpu->migs[gpu->mig_count++]);
    struct fault *fault = &machine->faults[machine->fault_count];
    if (!strcmp(kind, "fault") && machine->fault_count++ < MAX_FAULTS)
        return parse_record(line, fault_fields, fault) && fault->function_;
    return 0;
}

/* Takes over how often the faults that stay have been met. */
static void keep_calls(struct machine *machine, const struct machine *before)
{
    const size_t numbers = offsetof(struct fault, gpu_), length = offsetof(struct fault, calls) - numbers;
    for (int i = 0; i < machine->fault_count && i < before->fault_count; i++) {
        struct fault *now = &machine->faults[i];
        const struct fault *then = &before->faults[i];
        if (!strcmp(now->function_, then->function_)
            && !memcmp((char *)now + numbers, (const char *)then + numbers, length))
            now->calls = then->calls;
    }
}

/* Replaces the machine by what the file describes. Returns what is wrong, or NULL. */
static const char *read_machine(const char *path, struct machine *machine)
{
    static char error[64];
    static struct machine before;
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t size = 0;
    if (!file)
        return "cannot be read";
    ssize_t length = getdelim(&text, &size, 0, file);
    fclose(file);
    before = *machine;
    *machine = (struct machine){.text = text, .cuda_ = UNSET};
    char *rest = length > 0 ? text : NULL; /* an empty description is a machine without a GPU */
    for (int number = 1; rest; number++)
        if (!parse_line(strsep(&rest, "\n"), machine)) {
            snprintf(error, sizeof error, "line %d is no record", number);
            return error;
        }
    keep_calls(machine, &before);
    free(before.text);
    return NULL;
}
