/*
 * A stand-in for NVIDIA's management library, for tests.
 *
 * It answers the part of NVML that discovery needs from a plain-text description of a machine (machine.h),
 * and misbehaves where the description says so. Answers to wrong questions (no nvmlInit, a GPU where a MIG
 * device is asked for, an unknown structure version, a short buffer) are those of a real H100 with MIG off
 * and driver 580. What the real library does with MIG on follows NVML's documentation.
 *
 * Environment: GFD_STANDIN names the description, read whenever nvmlInit finds NVML not initialised;
 * without it there is no driver. GFD_STANDIN_LOG, if set, gets one line a call: the function, then
 * " gpu=<index>" and " mig=<index>" where it is about one. A GPU instance counts as its first MIG device.
 *
 * A function is left out of the library by renaming it: -DnvmlDeviceGetMigMode=left_out.
 */
#define _GNU_SOURCE
#include "machine.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#define API __attribute__((visibility("default")))

enum {
    SUCCESS = 0,
    UNINITIALIZED = 1,
    INVALID_ARGUMENT = 2,
    NOT_SUPPORTED = 3,
    NOT_FOUND = 6,
    INSUFFICIENT_SIZE = 7,
    DRIVER_NOT_LOADED = 9,
    FUNCTION_NOT_FOUND = 13,
    VERSION_MISMATCH = 25,
    UNKNOWN = 999,
};

enum { GI_ENUMS = 17, CI_ENUMS = 9 };
enum { NONE = -1 };

static struct machine machine;
static unsigned references;
static pthread_mutex_t init_lock = PTHREAD_MUTEX_INITIALIZER;

/* Handles are addresses in these tables: a GPU is its row's first place, its MIG devices the others. */
typedef char handles[MAX_GPUS][MAX_MIGS + 1];
static handles devices, gpu_instances, compute_instances;

/* ---- What every call begins with ---- */

/* What a call is about: nothing, a GPU, or a MIG device or instance on it. */
struct target {
    struct gpu *gpu;
    struct mig *mig;
};

static const struct target no_target = {NULL, NULL};

static int gpu_index(struct target on)
{
    return on.gpu ? (int)(on.gpu - machine.gpus) : NONE;
}

static void log_call(const char *function, struct target on, int64_t mig)
{
    const char *path = getenv("GFD_STANDIN_LOG");
    int file = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644) : -1;
    char line[160], about[64] = "";
    if (file < 0)
        return;
    if (on.gpu && mig >= 0)
        snprintf(about, sizeof about, " gpu=%d mig=%d", gpu_index(on), (int)mig);
    else if (on.gpu)
        snprintf(about, sizeof about, " gpu=%d", gpu_index(on));
    int length = snprintf(line, sizeof line, "%s%s\n", function, about);
    if (write(file, line, (size_t)length) < 0) /* one write, so that threads do not mix lines */
        perror("stand-in NVML: GFD_STANDIN_LOG");
    close(file);
}

static int is_named(const char *function, const char *pattern)
{
    static const char *const versions[] = {"", "_v2", "_v3", "V", "WithFlags"};
    size_t length = strlen(pattern);
    for (size_t i = 0; !strncmp(function, pattern, length) && i < sizeof versions / sizeof *versions; i++)
        if (!strcmp(function + length, versions[i]))
            return 1;
    return 0;
}

static void print(int descriptor, const char *text, int64_t times)
{
    for (size_t length = strlen(text); times > 0; times--)
        if (write(descriptor, text, length) < 0)
            return;
}

/* Does what a library should not: speaks, writes where it has no business, reads what is not for it. */
static void meddle(const char *function, const struct fault *fault)
{
    char drunk[256], said[160];
    if (fault->prints_)
        print(STDOUT_FILENO, fault->prints_, fault->times_ == UNSET ? 1 : fault->times_);
    for (int descriptor = 3; fault->scribbles_ && descriptor < 256; descriptor++)
        print(descriptor, fault->scribbles_, 1);
    if (fault->drinks_ != UNSET) {
        snprintf(said, sizeof said, "%s drank %zd", function, read(STDIN_FILENO, drunk, sizeof drunk));
        log_call(said, no_target, NONE);
    }
}

/* Returns the error that the description wants here, if it does not want something worse. */
static int misbehave(const char *function, int gpu, int64_t mig)
{
    for (struct fault *fault = machine.faults; fault < machine.faults + machine.fault_count; fault++) {
        if (!is_named(function, fault->function_) || (fault->gpu_ != UNSET && fault->gpu_ != gpu)
            || (fault->mig_ != UNSET && fault->mig_ != mig)
            || __atomic_fetch_add(&fault->calls, 1, __ATOMIC_RELAXED) < fault->after_)
            continue;
        meddle(function, fault);
        while (fault->hang_ != UNSET)
            pause();
        if (fault->segv_ != UNSET)
            *(volatile int *)8 = 0;
        if (fault->exit_ != UNSET)
            _exit(99);
        if (fault->error_ != UNSET)
            return (int)fault->error_;
    }
    return SUCCESS;
}

static int begin_about(const char *function, struct target on, int64_t mig)
{
    log_call(function, on, mig);
    if (!__atomic_load_n(&references, __ATOMIC_ACQUIRE))
        return UNINITIALIZED;
    return misbehave(function, gpu_index(on), mig);
}

static int begin(const char *function, struct target on)
{
    return begin_about(function, on, on.mig ? on.mig->index_ : NONE);
}

/* Returns what a handle of the table stands for; no_target if it is none, or of another kind. */
static struct target find(const char *handle, handles table)
{
    uintptr_t place = (uintptr_t)handle - (uintptr_t)table;
    size_t row = place / (MAX_MIGS + 1), column = place % (MAX_MIGS + 1);
    if (row >= (size_t)machine.gpu_count || column > (size_t)machine.gpus[row].mig_count)
        return no_target;
    struct gpu *gpu = &machine.gpus[row];
    return (struct target){gpu, column ? &gpu->migs[column - 1] : NULL};
}

static char *handle_of(struct target on, handles table)
{
    return &table[gpu_index(on)][on.mig ? on.mig - on.gpu->migs + 1 : 0];
}

/* Opens a function about the system; `out` is where the answer goes. */
#define BEGIN_SYSTEM(out)                                                                                    \
    int failure = begin(__func__, no_target);                                                                \
    if (failure || !(out))                                                                                   \
        return failure ? failure : INVALID_ARGUMENT

/* Opens a function about a handle: `on` is what it stands for. */
#define BEGIN(handle, table, out)                                                                            \
    const struct target on = find(handle, table);                                                            \
    int failure = begin(__func__, on);                                                                       \
    if (failure || !on.gpu || !(out))                                                                        \
        return failure ? failure : INVALID_ARGUMENT

static int answer_text(const char *text, char *out, unsigned length)
{
    if (!text)
        return NOT_SUPPORTED;
    if (strlen(text) >= length)
        return INSUFFICIENT_SIZE;
    strcpy(out, text);
    return SUCCESS;
}

static int answer_number(int64_t number, unsigned *out)
{
    if (number == UNSET)
        return NOT_SUPPORTED;
    *out = (unsigned)number;
    return SUCCESS;
}

static unsigned given(int64_t number)
{
    return number == UNSET ? 0 : (unsigned)number;
}

/* ---- The library and the system ---- */

static int init(const char *function)
{
    const char *path = getenv("GFD_STANDIN"), *error = NULL;
    pthread_mutex_lock(&init_lock);
    if (!references && path)
        error = read_machine(path, &machine);
    pthread_mutex_unlock(&init_lock);
    log_call(function, no_target, NONE);
    if (error)
        fprintf(stderr, "stand-in NVML: %s: %s\n", path, error);
    int answer = error ? UNKNOWN : path ? misbehave(function, NONE, NONE) : DRIVER_NOT_LOADED;
    if (!answer)
        __atomic_add_fetch(&references, 1, __ATOMIC_RELEASE);
    return answer;
}

__attribute__((constructor)) static void load(void)
{
    const char *path = getenv("GFD_STANDIN");
    if (path && !read_machine(path, &machine))
        misbehave("load", NONE, NONE);
}

API int nvmlInit(void) { return init(__func__); }
API int nvmlInit_v2(void) { return init(__func__); }

API int nvmlInitWithFlags(unsigned flags)
{
    (void)flags;
    return init(__func__);
}

API int nvmlShutdown(void)
{
    int failure = begin(__func__, no_target);
    if (!failure)
        __atomic_sub_fetch(&references, 1, __ATOMIC_RELEASE);
    return failure;
}

API const char *nvmlErrorString(int code)
{
    static const char *const texts[] = {
        "Success", "Uninitialized", "Invalid Argument", "Not Supported", "Insufficient Permissions",
        "Already Initialized", "Not Found", "Insufficient Size", "Insufficient External Power",
        "Driver Not Loaded", "Timeout", "Interrupt Request Issue", "NVML Shared Library Not Found",
        "Function Not Found", "Corrupted infoROM", "GPU is lost", "GPU requires reset",
        "GPU access blocked by the operating system", "Driver/library version mismatch",
        "In use by another client", "Insufficient Memory", "No data", "vGPU ECC not supported",
        "Insufficient Resources", "Invalid Frequency", "Argument version mismatch",
        "Requested functionality has been deprecated", "System is not in ready state",
        "No supported GPUs were found"};
    size_t known = sizeof texts / sizeof *texts;
    return code >= 0 && (size_t)code < known ? texts[code] : "Unknown Error";
}

#define SYSTEM_TEXT(function, text)                                                                          \
    API int function(char *out, unsigned length)                                                             \
    {                                                                                                        \
        BEGIN_SYSTEM(out);                                                                                   \
        return answer_text(text, out, length);                                                               \
    }

#define SYSTEM_NUMBER(function, number)                                                                      \
    API int function(unsigned *out)                                                                          \
    {                                                                                                        \
        BEGIN_SYSTEM(out);                                                                                   \
        return answer_number(number, out);                                                                   \
    }

SYSTEM_TEXT(nvmlSystemGetDriverVersion, machine.driver_)
SYSTEM_TEXT(nvmlSystemGetNVMLVersion, machine.nvml_)
SYSTEM_NUMBER(nvmlSystemGetCudaDriverVersion, machine.cuda_)
SYSTEM_NUMBER(nvmlSystemGetCudaDriverVersion_v2, machine.cuda_)
SYSTEM_NUMBER(nvmlDeviceGetCount, machine.gpu_count)
SYSTEM_NUMBER(nvmlDeviceGetCount_v2, machine.gpu_count)

/* ---- GPUs ---- */

#define HANDLE_BY_INDEX(function)                                                                            \
    API int function(unsigned index, char **out)                                                             \
    {                                                                                                        \
        BEGIN(&devices[index < MAX_GPUS ? index : MAX_GPUS][0], devices, out);                               \
        *out = handle_of(on, devices);                                                                       \
        return SUCCESS;                                                                                      \
    }

HANDLE_BY_INDEX(nvmlDeviceGetHandleByIndex)
HANDLE_BY_INDEX(nvmlDeviceGetHandleByIndex_v2)

API int nvmlDeviceGetHandleByUUID(const char *uuid, char **out)
{
    BEGIN_SYSTEM(out && uuid);
    for (char *handle = devices[0]; handle < devices[MAX_GPUS]; handle++) {
        const struct target on = find(handle, devices);
        const char *candidate = on.mig ? on.mig->uuid_ : on.gpu ? on.gpu->uuid_ : NULL;
        if (candidate && !strcmp(candidate, uuid)) {
            *out = handle;
            return SUCCESS;
        }
    }
    return NOT_FOUND;
}

#define DEVICE_TEXT(function, text)                                                                          \
    API int function(char *device, char *out, unsigned length)                                               \
    {                                                                                                        \
        BEGIN(device, devices, out);                                                                         \
        return answer_text(text, out, length);                                                               \
    }

#define DEVICE_NUMBER(function, number)                                                                      \
    API int function(char *device, unsigned *out)                                                            \
    {                                                                                                        \
        BEGIN(device, devices, out);                                                                         \
        return answer_number(number, out);                                                                   \
    }

DEVICE_TEXT(nvmlDeviceGetName, on.mig ? on.mig->name_ : on.gpu->name_)
DEVICE_TEXT(nvmlDeviceGetUUID, on.mig ? on.mig->uuid_ : on.gpu->uuid_)
DEVICE_TEXT(nvmlDeviceGetSerial, on.gpu->serial_)
DEVICE_NUMBER(nvmlDeviceGetBrand, on.gpu->brand_)
DEVICE_NUMBER(nvmlDeviceGetArchitecture, on.gpu->architecture_)
DEVICE_NUMBER(nvmlDeviceGetMinorNumber, on.gpu->minor_)
DEVICE_NUMBER(nvmlDeviceGetVirtualizationMode, on.gpu->virtualization_)
DEVICE_NUMBER(nvmlDeviceGetMaxPcieLinkGeneration, on.gpu->pcie_generation_)
DEVICE_NUMBER(nvmlDeviceGetMaxPcieLinkWidth, on.gpu->pcie_width_)
DEVICE_NUMBER(nvmlDeviceGetPowerManagementLimit, on.gpu->power_limit_)
DEVICE_NUMBER(nvmlDeviceGetPowerManagementDefaultLimit, on.gpu->power_default_)
DEVICE_NUMBER(nvmlDeviceIsMigDeviceHandle, on.mig != NULL)

API int nvmlDeviceGetNvLinkState(char *device, unsigned link, unsigned *out)
{
    BEGIN(device, devices, out);
    if (on.gpu->nvlinks_ == UNSET)
        return NOT_SUPPORTED;
    if (link >= on.gpu->nvlinks_)
        return INVALID_ARGUMENT;
    *out = link < on.gpu->nvlinks_active_;
    return SUCCESS;
}

enum { P2P_NVLINK = 2, P2P_OK = 0, P2P_NOT_SUPPORTED = 5 };

API int nvmlDeviceGetP2PStatus(char *device, char *other, unsigned capability, unsigned *out)
{
    const struct target to = find(other, devices);
    BEGIN(device, devices, out && to.gpu);
    if (on.gpu->nvlink_peers_ == UNSET || capability != P2P_NVLINK)
        return NOT_SUPPORTED;
    *out = on.gpu->nvlink_peers_ >> gpu_index(to) & 1 ? P2P_OK : P2P_NOT_SUPPORTED;
    return SUCCESS;
}

API int nvmlDeviceGetCudaComputeCapability(char *device, unsigned *major, unsigned *minor)
{
    BEGIN(device, devices, major && minor);
    int answer = answer_number(on.gpu->cc_major_, major);
    return answer ? answer : answer_number(on.gpu->cc_minor_, minor);
}

struct memory {
    unsigned long long total, free, used;
};

struct memory_v2 {
    unsigned version;
    unsigned long long total, reserved, free, used;
};

static int64_t memory_of(struct target on)
{
    return on.mig && on.mig->memory_mib_ != UNSET ? on.mig->memory_mib_ * 1048576 : on.gpu->memory_;
}

API int nvmlDeviceGetMemoryInfo(char *device, struct memory *out)
{
    BEGIN(device, devices, out);
    int64_t bytes = memory_of(on);
    if (bytes == UNSET)
        return NOT_SUPPORTED;
    *out = (struct memory){(uint64_t)bytes, (uint64_t)bytes, 0};
    return SUCCESS;
}

API int nvmlDeviceGetMemoryInfo_v2(char *device, struct memory_v2 *out)
{
    BEGIN(device, devices, out);
    int64_t bytes = memory_of(on);
    if (out->version != (2u << 24 | sizeof *out))
        return FUNCTION_NOT_FOUND; /* so it is on a real one */
    if (bytes == UNSET)
        return NOT_SUPPORTED;
    *out = (struct memory_v2){out->version, (uint64_t)bytes, 0, (uint64_t)bytes, 0};
    return SUCCESS;
}

struct pci {
    char bus_id_legacy[16];
    unsigned domain, bus, device, pci_device_id, pci_subsystem_id;
    char bus_id[32]; /* version 2 has reserved numbers in half of its place */
};

static int answer_pci(const struct gpu *gpu, struct pci *out, size_t size)
{
    struct pci pci = {.pci_device_id = given(gpu->pci_device_id_)};
    if (!gpu->pci_)
        return NOT_SUPPORTED;
    (void)sscanf(gpu->pci_, "%x:%x:%x", &pci.domain, &pci.bus, &pci.device);
    snprintf(pci.bus_id_legacy, sizeof pci.bus_id_legacy, "%04X:%02X:%02X.0", pci.domain & 0xffff,
             pci.bus & 0xff, pci.device & 0xff);
    if (size == sizeof pci)
        strncpy(pci.bus_id, gpu->pci_, sizeof pci.bus_id - 1);
    memcpy(out, &pci, size);
    return SUCCESS;
}

API int nvmlDeviceGetPciInfo_v3(char *device, struct pci *out)
{
    BEGIN(device, devices, out);
    return answer_pci(on.gpu, out, sizeof *out);
}

API int nvmlDeviceGetPciInfo_v2(char *device, struct pci *out)
{
    BEGIN(device, devices, out);
    return answer_pci(on.gpu, out, sizeof *out - 16);
}

struct fabric {
    unsigned char cluster_uuid[16];
    unsigned status, clique_id;
    unsigned char state;
};

struct fabric_v {
    unsigned version;
    struct fabric info;
    unsigned health_mask;
    unsigned char health_summary; /* from version 3 on */
};

static int answer_fabric(const struct gpu *gpu, struct fabric *out)
{
    if (gpu->fabric_state_ == UNSET)
        return NOT_SUPPORTED;
    *out = (struct fabric){
        {0}, given(gpu->fabric_status_), given(gpu->fabric_clique_), (unsigned char)gpu->fabric_state_};
    for (size_t i = 0; gpu->fabric_cluster_ && i < 16; i++)
        if (sscanf(gpu->fabric_cluster_ + 2 * i, "%2hhx", &out->cluster_uuid[i]) != 1)
            break;
    return SUCCESS;
}

API int nvmlDeviceGetGpuFabricInfo(char *device, struct fabric *out)
{
    BEGIN(device, devices, out);
    return answer_fabric(on.gpu, out);
}

API int nvmlDeviceGetGpuFabricInfoV(char *device, struct fabric_v *out)
{
    BEGIN(device, devices, out);
    if (out->version != 0x02000024 && out->version != 0x03000028)
        return VERSION_MISMATCH;
    out->health_mask = 0;
    if (out->version >> 24 >= 3)
        out->health_summary = 0;
    return answer_fabric(on.gpu, &out->info);
}

/* ---- MIG ---- */

API int nvmlDeviceGetMigMode(char *device, unsigned *current, unsigned *pending)
{
    BEGIN(device, devices, current && pending && !on.mig);
    *pending = given(on.gpu->mig_);
    return answer_number(on.gpu->mig_, current);
}

API int nvmlDeviceGetMaxMigDeviceCount(char *device, unsigned *out)
{
    BEGIN(device, devices, out && !on.mig);
    *out = on.gpu->mig_ == 1 ? given(on.gpu->max_mig_) : 0;
    return SUCCESS;
}

API int nvmlDeviceGetMigDeviceHandleByIndex(char *device, unsigned index, char **out)
{
    struct target on = find(device, devices);
    int failure = begin_about(__func__, on, index);
    if (failure || !on.gpu || on.mig || !out)
        return failure ? failure : INVALID_ARGUMENT;
    for (int i = 0; on.gpu->mig_ == 1 && i < on.gpu->mig_count; i++)
        if (on.gpu->migs[i].index_ == index) {
            *out = device + 1 + i;
            return SUCCESS;
        }
    return NOT_FOUND;
}

#define MIG_NUMBER(function, field)                                                                          \
    API int function(char *device, unsigned *out)                                                            \
    {                                                                                                        \
        BEGIN(device, devices, out && on.mig);                                                              \
        return answer_number(on.mig->field, out);                                                            \
    }

MIG_NUMBER(nvmlDeviceGetGpuInstanceId, gi_)
MIG_NUMBER(nvmlDeviceGetComputeInstanceId, ci_)

API int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(char *device, char **out)
{
    BEGIN(device, devices, out && on.mig);
    *out = devices[gpu_index(on)];
    return SUCCESS;
}

struct attributes {
    unsigned sm, copy, decoder, encoder, jpeg, ofa, gi_slices, ci_slices;
    unsigned long long memory_mib;
};

#define ENGINES(p)                                                                                           \
    given((p)->copy_), given((p)->decoder_), given((p)->encoder_), given((p)->jpeg_), given((p)->ofa_)

API int nvmlDeviceGetAttributes_v2(char *device, struct attributes *out)
{
    BEGIN(device, devices, out);
    const struct mig *mig = on.mig;
    if (!mig || mig->memory_mib_ == UNSET)
        return NOT_SUPPORTED;
    *out = (struct attributes){given(mig->sm_), ENGINES(mig), given(mig->gi_slices_), given(mig->ci_slices_),
                               given(mig->memory_mib_)};
    return SUCCESS;
}

struct gi_profile {
    unsigned id, is_p2p, slices, max, sm, copy, decoder, encoder, jpeg, ofa;
    unsigned long long memory_mib;
};

struct gi_profile_v2 {
    unsigned version, id, is_p2p, slices, max, sm, copy, decoder, encoder, jpeg, ofa;
    unsigned long long memory_mib;
    char name[96];
};

struct gi_profile_v3 {
    unsigned version, id, slices, max, sm, copy, decoder, encoder, jpeg, ofa;
    unsigned long long memory_mib;
    char name[96];
    unsigned capabilities;
};

static int find_gi_profile(const struct gpu *gpu, unsigned gi_enum, const struct profile **found)
{
    const struct profile *end = gpu->profiles + gpu->profile_count;
    for (*found = gpu->profiles; *found < end && gpu->mig_ != UNSET; (*found)++)
        if ((*found)->enum_ == gi_enum)
            return SUCCESS;
    return gpu->mig_ == UNSET || gi_enum < GI_ENUMS ? NOT_SUPPORTED : INVALID_ARGUMENT;
}

/* The numbers that all versions of the structure share, in their order. */
#define GI_NUMBERS(p) given((p)->slices_), given((p)->max_), given((p)->sm_), ENGINES(p)

API int nvmlDeviceGetGpuInstanceProfileInfo(char *device, unsigned gi_enum, struct gi_profile *out)
{
    BEGIN(device, devices, out);
    const struct profile *found;
    int answer = find_gi_profile(on.gpu, gi_enum, &found);
    if (!answer)
        *out = (struct gi_profile){given(found->id_), 0, GI_NUMBERS(found), given(found->memory_mib_)};
    return answer;
}

API int nvmlDeviceGetGpuInstanceProfileInfoV(char *device, unsigned gi_enum, void *out)
{
    BEGIN(device, devices, out);
    struct gi_profile_v2 *v2 = out;
    struct gi_profile_v3 *v3 = out;
    const struct profile *found;
    unsigned version = v2->version; /* the real library leaves zero in its place */
    int answer = find_gi_profile(on.gpu, gi_enum, &found);
    if (answer)
        return answer;
    const char *name = found->name_ ? found->name_ : "";
    if (version == (2u << 24 | sizeof *v2)) {
        *v2 = (struct gi_profile_v2){
            0, given(found->id_), 0, GI_NUMBERS(found), given(found->memory_mib_), ""};
        snprintf(v2->name, sizeof v2->name, "MIG %s", name);
        return SUCCESS;
    }
    if (version == (3u << 24 | sizeof *v3)) {
        *v3 = (struct gi_profile_v3){
            0, given(found->id_), GI_NUMBERS(found), given(found->memory_mib_), "", 0};
        snprintf(v3->name, sizeof v3->name, "MIG %s", name);
        return SUCCESS;
    }
    return INVALID_ARGUMENT;
}

/* Returns the first MIG device of a GPU with these instance ids; any compute instance if ci is negative. */
static struct target find_instance(struct gpu *gpu, int64_t gi, int64_t ci)
{
    for (struct mig *mig = gpu->migs; mig < gpu->migs + gpu->mig_count; mig++)
        if (mig->gi_ == gi && (ci < 0 || mig->ci_ == ci))
            return (struct target){gpu, mig};
    return no_target;
}

API int nvmlDeviceGetGpuInstanceById(char *device, unsigned id, char **out)
{
    BEGIN(device, devices, out && !on.mig);
    const struct target gi = find_instance(on.gpu, id, NONE);
    if (gi.gpu)
        *out = handle_of(gi, gpu_instances);
    return gi.gpu ? SUCCESS : on.gpu->mig_ == UNSET ? NOT_SUPPORTED : NOT_FOUND;
}

API int nvmlGpuInstanceGetComputeInstanceById(char *instance, unsigned id, char **out)
{
    BEGIN(instance, gpu_instances, out);
    const struct target ci = find_instance(on.gpu, on.mig->gi_, id);
    if (ci.gpu)
        *out = handle_of(ci, compute_instances);
    return ci.gpu ? SUCCESS : NOT_FOUND;
}

struct gi_info {
    char *device;
    unsigned id, profile_id, start, size;
};

API int nvmlGpuInstanceGetInfo(char *instance, struct gi_info *out)
{
    BEGIN(instance, gpu_instances, out);
    *out = (struct gi_info){devices[gpu_index(on)], given(on.mig->gi_), given(on.mig->gi_profile_),
                            given(on.mig->start_), given(on.mig->size_)};
    return SUCCESS;
}

struct ci_info {
    char *device, *gpu_instance;
    unsigned id, profile_id;
    unsigned start, size; /* from version 2 on */
};

static int answer_ci_info(struct target on, struct ci_info *out, size_t size)
{
    const struct target gi = find_instance(on.gpu, on.mig->gi_, NONE);
    const struct ci_info info = {handle_of(on, devices), handle_of(gi, gpu_instances), given(on.mig->ci_),
                                 given(on.mig->ci_enum_) + given(on.gpu->ci_offset_), 0,
                                 given(on.mig->ci_slices_)};
    memcpy(out, &info, size);
    return SUCCESS;
}

API int nvmlComputeInstanceGetInfo(char *instance, struct ci_info *out)
{
    BEGIN(instance, compute_instances, out);
    return answer_ci_info(on, out, offsetof(struct ci_info, start));
}

API int nvmlComputeInstanceGetInfo_v2(char *instance, struct ci_info *out)
{
    BEGIN(instance, compute_instances, out);
    return answer_ci_info(on, out, sizeof *out);
}

struct ci_profile {
    unsigned id, slices, max, sm, copy, decoder, encoder, jpeg, ofa;
};

struct ci_profile_v {
    unsigned version;
    struct ci_profile info;
    char name[96];
    unsigned capabilities; /* from version 3 on */
};

static int answer_ci_profile(struct target gi, unsigned ci_enum, unsigned engines, struct ci_profile *out)
{
    static const unsigned slices_of[CI_ENUMS] = {1, 2, 3, 4, 7, 8, 6, 1, 7};
    const struct profile *whole = gi.gpu->profiles, *end = whole + gi.gpu->profile_count;
    while (whole < end && whole->id_ != gi.mig->gi_profile_)
        whole++;
    if (ci_enum >= CI_ENUMS || engines != 0)
        return INVALID_ARGUMENT;
    if (whole == end || whole->slices_ <= 0)
        return NOT_SUPPORTED;
    unsigned of = given(whole->slices_), slices = slices_of[ci_enum];
    /* A compute instance takes all of the GPU instance, or at most half of it, rounded up. */
    int is_offered = ci_enum < 7 && (slices == of || 2 * slices <= of + 1);
    for (int i = 0; i < gi.gpu->mig_count; i++)
        is_offered |= gi.gpu->migs[i].gi_ == gi.mig->gi_ && gi.gpu->migs[i].ci_enum_ == ci_enum;
    if (!is_offered)
        return NOT_SUPPORTED;
    *out = (struct ci_profile){ci_enum + given(gi.gpu->ci_offset_), slices, of / slices,
                               given(whole->sm_) * slices / of, ENGINES(whole)};
    return SUCCESS;
}

API int nvmlGpuInstanceGetComputeInstanceProfileInfo(char *instance, unsigned ci_enum, unsigned engines,
                                                     struct ci_profile *out)
{
    BEGIN(instance, gpu_instances, out);
    return answer_ci_profile(on, ci_enum, engines, out);
}

API int nvmlGpuInstanceGetComputeInstanceProfileInfoV(char *instance, unsigned ci_enum, unsigned engines,
                                                      struct ci_profile_v *out)
{
    BEGIN(instance, gpu_instances, out);
    if (out->version != 0x02000088 && out->version != 0x0300008c)
        return INVALID_ARGUMENT;
    int answer = answer_ci_profile(on, ci_enum, engines, &out->info);
    if (!answer)
        snprintf(out->name, sizeof out->name, "MIG %uc", out->info.slices);
    if (!answer && out->version >> 24 >= 3)
        out->capabilities = 0;
    return answer;
}
