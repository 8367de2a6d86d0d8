/*
 * A stand-in for libcuda.so.1. GFD_STANDIN_CUDA describes the GPUs, one line for each thing:
 *
 *   version 12060
 *   device <major> <minor> <bytes of memory> <1 if integrated, else 0> <name>
 *   fault <function> <ordinal, or -1 for any> <CUresult>
 *   hang <function>
 *   print <text>
 *
 * GFD_STANDIN_CUDA_LOG is a file that gets the name of each called function.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
enum { SUCCESS = 0, INVALID_VALUE = 1, NOT_INITIALIZED = 3, NO_DEVICE = 100, INVALID_DEVICE = 101, MOST = 16 };

struct device {
    int major, minor, integrated;
    unsigned long long bytes;
    char name[256];
};

static int initialized;

/* Return the line number `wanted` that begins with `word`, without that word; NULL if there is none. */
static const char *find(const char *word, int wanted, char *line, size_t size) {
    const char *text = getenv("GFD_STANDIN_CUDA");
    size_t length = strlen(word);
    while (text && *text) {
        size_t end = strcspn(text, "\n");
        if (!strncmp(text, word, length) && text[length] == ' ' && wanted-- == 0) {
            snprintf(line, size, "%.*s", (int)(end - length - 1), text + length + 1);
            return line;
        }
        text += end + (text[end] == '\n');
    }
    return NULL;
}

static int begin(const char *function, int ordinal) {
    char line[512], name[128];
    const char *log = getenv("GFD_STANDIN_CUDA_LOG");
    int fault_ordinal, code;
    if (log) {
        FILE *file = fopen(log, "a");
        if (file) {
            fprintf(file, "%s\n", function);
            fclose(file);
        }
    }
    for (int number = 0; find("hang", number, line, sizeof line); number++)
        while (!strcmp(line, function))
            sleep(1000);
    for (int number = 0; find("fault", number, line, sizeof line); number++)
        if (sscanf(line, "%127s %d %d", name, &fault_ordinal, &code) == 3 && !strcmp(name, function) &&
            (fault_ordinal == -1 || fault_ordinal == ordinal))
            return code;
    if (!initialized && strcmp(function, "cuInit") && strcmp(function, "cuDriverGetVersion"))
        return NOT_INITIALIZED;
    return SUCCESS;
}

static int read_device(int ordinal, struct device *device) {
    char line[512];
    int used = 0;
    if (ordinal < 0 || !find("device", ordinal, line, sizeof line))
        return INVALID_DEVICE;
    if (sscanf(line, "%d %d %llu %d %n", &device->major, &device->minor, &device->bytes, &device->integrated,
               &used) < 4)
        abort();
    snprintf(device->name, sizeof device->name, "%s", line + used);
    return SUCCESS;
}

EXPORT int cuInit(unsigned flags) {
    char line[512];
    int code = flags ? INVALID_VALUE : begin("cuInit", -1);
    for (int number = 0; find("print", number, line, sizeof line); number++)
        puts(line);
    fflush(stdout);
    initialized |= code == SUCCESS;
    return code;
}

EXPORT int cuDriverGetVersion(int *version) {
    char line[512];
    int code = begin("cuDriverGetVersion", -1);
    if (code == SUCCESS)
        *version = find("version", 0, line, sizeof line) ? atoi(line) : 0;
    return code;
}

EXPORT int cuDeviceGetCount(int *count) {
    char line[512];
    int code = begin("cuDeviceGetCount", -1);
    if (code == SUCCESS)
        for (*count = 0; *count < MOST && find("device", *count, line, sizeof line); ++*count)
            ;
    return code;
}

EXPORT int cuDeviceGet(int *handle, int ordinal) {
    struct device device;
    int code = begin("cuDeviceGet", ordinal);
    if (code == SUCCESS)
        code = read_device(ordinal, &device);
    if (code == SUCCESS)
        *handle = ordinal;
    return code;
}

EXPORT int cuDeviceGetName(char *name, int length, int handle) {
    struct device device;
    int code = begin("cuDeviceGetName", handle);
    if (code == SUCCESS)
        code = read_device(handle, &device);
    if (code == SUCCESS) {
        memset(name, '#', length); /* what comes after the NUL is no part of the name */
        snprintf(name, length, "%s", device.name);
    }
    return code;
}

static int read_memory(const char *function, size_t *bytes, int handle) {
    struct device device;
    int code = begin(function, handle);
    if (code == SUCCESS)
        code = read_device(handle, &device);
    if (code == SUCCESS)
        *bytes = device.bytes;
    return code;
}

EXPORT int cuDeviceTotalMem_v2(size_t *bytes, int handle) {
    return read_memory("cuDeviceTotalMem_v2", bytes, handle);
}

/* A real library writes 32 bits here. gpu-feature-discovery calls it as if it wrote 64. */
EXPORT int cuDeviceTotalMem(size_t *bytes, int handle) {
    return read_memory("cuDeviceTotalMem_v2", bytes, handle);
}

EXPORT int cuDeviceGetAttribute(int *value, int attribute, int handle) {
    struct device device;
    int code = begin("cuDeviceGetAttribute", handle);
    if (code == SUCCESS && attribute == 18)
        code = begin("integrated", handle);
    if (code == SUCCESS)
        code = read_device(handle, &device);
    if (code != SUCCESS)
        return code;
    switch (attribute) {
    case 18:
        *value = device.integrated;
        return SUCCESS;
    case 75:
        *value = device.major;
        return SUCCESS;
    case 76:
        *value = device.minor;
        return SUCCESS;
    default:
        return INVALID_VALUE;
    }
}

EXPORT int cuGetErrorName(int code, const char **name) {
    static const struct {
        int code;
        const char *name;
    } NAMES[] = {{1, "CUDA_ERROR_INVALID_VALUE"}, {2, "CUDA_ERROR_OUT_OF_MEMORY"},
                 {3, "CUDA_ERROR_NOT_INITIALIZED"}, {100, "CUDA_ERROR_NO_DEVICE"},
                 {101, "CUDA_ERROR_INVALID_DEVICE"}, {801, "CUDA_ERROR_NOT_SUPPORTED"},
                 {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"}, {999, "CUDA_ERROR_UNKNOWN"}};
    for (size_t index = 0; index < sizeof NAMES / sizeof *NAMES; index++)
        if (NAMES[index].code == code) {
            *name = NAMES[index].name;
            return SUCCESS;
        }
    *name = NULL;
    return INVALID_VALUE;
}
