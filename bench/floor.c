/* The floor: one read of a node by the NVML calls that gfd makes, and nothing else.
 *
 * Prints the number of calls. With "stages" it also prints microseconds of CPU and wall time a stage.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { SUCCESS = 0, GI_PROFILES = 18 };

static void *library;
static unsigned calls;
static union {
    char bytes[4096]; /* larger than any structure that is filled here */
    long long align;
} answer;

/* Calls a function by its name; a function that the driver lacks answers as one that fails. */
#define ASK(name, ...)                                                                                       \
    (calls++, *(void **)&function = dlsym(library, name), function ? function(__VA_ARGS__) : -1)

static int (*function)();

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec * 1e-6;
}

static void stage(const char *name)
{
    static double cpu_before, wall_before;
    struct rusage used;
    struct timespec now;
    getrusage(RUSAGE_SELF, &used);
    clock_gettime(CLOCK_MONOTONIC, &now);
    double cpu = seconds(used.ru_utime) + seconds(used.ru_stime);
    double wall = (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
    if (name)
        printf("%s %.0f %.0f\n", name, (cpu - cpu_before) * 1e6, (wall - wall_before) * 1e6);
    cpu_before = cpu;
    wall_before = wall;
}

static void read_mig_device(void *gpu, void *device)
{
    void *instance = NULL, *compute = NULL;
    unsigned id = 0;
    ASK("nvmlDeviceGetAttributes_v2", device, &answer);
    ASK("nvmlDeviceGetGpuInstanceId", device, &id);
    if (ASK("nvmlDeviceGetGpuInstanceById", gpu, id, &instance) != SUCCESS)
        return;
    ASK("nvmlGpuInstanceGetInfo", instance, &answer);
    ASK("nvmlDeviceGetComputeInstanceId", device, &id);
    if (ASK("nvmlGpuInstanceGetComputeInstanceById", instance, id, &compute) != SUCCESS)
        return;
    ASK("nvmlComputeInstanceGetInfo_v2", compute, &answer);
    ASK("nvmlDeviceGetUUID", device, &answer, 96);
}

static void read_mig(void *gpu)
{
    static int is_listed; /* GPUs of one model offer the same */
    unsigned count = 0;
    for (unsigned profile = 0; profile < GI_PROFILES && !is_listed; profile++)
        ASK("nvmlDeviceGetGpuInstanceProfileInfo", gpu, profile, &answer);
    is_listed = 1;
    ASK("nvmlDeviceGetMaxMigDeviceCount", gpu, &count);
    for (unsigned index = 0; index < count; index++) {
        void *device = NULL;
        if (ASK("nvmlDeviceGetMigDeviceHandleByIndex", gpu, index, &device) == SUCCESS)
            read_mig_device(gpu, device);
    }
}

static void read_gpu(unsigned index)
{
    void *gpu = NULL;
    unsigned current = 0, pending = 0;
    int major, minor;
    if (ASK("nvmlDeviceGetHandleByIndex_v2", index, &gpu) != SUCCESS)
        return;
    ASK("nvmlDeviceGetName", gpu, &answer, 96);
    ASK("nvmlDeviceGetMigMode", gpu, &current, &pending);
    ASK("nvmlDeviceGetCudaComputeCapability", gpu, &major, &minor);
    ASK("nvmlDeviceGetMemoryInfo", gpu, &answer);
    ASK("nvmlDeviceGetPciInfo_v3", gpu, &answer);
    if (current)
        read_mig(gpu);
    ASK("nvmlDeviceGetUUID", gpu, &answer, 96);
    ASK("nvmlDeviceGetBrand", gpu, &answer);
    ASK("nvmlDeviceGetArchitecture", gpu, &answer);
    ASK("nvmlDeviceGetGpuFabricInfo", gpu, &answer);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 && strcmp(argv[1], "stages") ? argv[1] : "libnvidia-ml.so.1";
    int is_staged = !strcmp(argv[argc - 1], "stages");
    unsigned count = 0;
    if (is_staged)
        stage(NULL);
    library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "floor: %s\n", dlerror());
        return 1;
    }
    if (is_staged)
        stage("load");
    if (ASK("nvmlInit_v2") != SUCCESS) {
        fprintf(stderr, "floor: nvmlInit_v2 failed\n");
        return 1;
    }
    if (is_staged)
        stage("init");
    ASK("nvmlDeviceGetCount_v2", &count);
    for (unsigned index = 0; index < count; index++)
        read_gpu(index);
    ASK("nvmlSystemGetDriverVersion", &answer, 80);
    ASK("nvmlSystemGetCudaDriverVersion", &answer);
    if (is_staged)
        stage("read");
    ASK("nvmlShutdown");
    if (is_staged)
        stage("shutdown");
    printf("calls %u\n", calls);
    return 0;
}
