/* A libnvidia-ml.so.1 for machines without a GPU, of the functions that bisect-run calls.

   It reads the file that $FAKE_NVML names, at every nvmlInit. A line is a GPU:
       gpu UUID TOTAL USED [PID:BYTES]
   or a MIG device of the GPU above:
       mig UUID TOTAL USED
   or `lost`: the memory of the GPU above cannot be read. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, DRIVER_NOT_LOADED = 9, IS_LOST = 15 };
enum { MOST = 64, MOST_MIG = 7 };
static const unsigned long long RESERVED = 615 << 20; /* by the driver for itself; version 1 counts it as used */

typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } memory_v2_t;
typedef struct { unsigned pid; unsigned long long used; unsigned gi, ci; } process_t;
typedef struct device {
    char uuid[96];
    unsigned long long total, used, held;
    unsigned pid;
    int lost, instances;
    struct device *instance[MOST_MIG];
} device_t;

static device_t gpus[MOST], migs[MOST];
static unsigned count, mig_count;

int nvmlInitWithFlags(unsigned flags) {
    char line[256], kind[8];
    const char *name = getenv("FAKE_NVML");
    FILE *file = name ? fopen(name, "r") : NULL;
    (void)flags;
    if (!file) return DRIVER_NOT_LOADED;
    memset(gpus, 0, sizeof gpus);
    memset(migs, 0, sizeof migs);
    count = mig_count = 0;
    while (fgets(line, sizeof line, file)) {
        device_t read = {0};
        if (sscanf(line, "%7s %95s %llu %llu %u:%llu", kind, read.uuid, &read.total, &read.used, &read.pid,
                   &read.held) < 1)
            continue;
        if (!strcmp(kind, "gpu")) {
            gpus[count++] = read;
        } else if (!strcmp(kind, "mig")) {
            device_t *parent = &gpus[count - 1];
            migs[mig_count] = read;
            parent->instance[parent->instances++] = &migs[mig_count++];
        } else if (!strcmp(kind, "lost")) {
            gpus[count - 1].lost = 1;
        }
    }
    fclose(file);
    return SUCCESS;
}

int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlShutdown(void) { return SUCCESS; }
const char *nvmlErrorString(int code) { (void)code; return "an error of the fake driver"; }

int nvmlDeviceGetCount_v2(unsigned *found) { *found = count; return SUCCESS; }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, device_t **device) {
    if (index >= count) return NOT_FOUND;
    *device = &gpus[index];
    return SUCCESS;
}

int nvmlDeviceGetMemoryInfo(device_t *device, memory_t *memory) {
    if (device->lost) return IS_LOST;
    unsigned long long used = device->used + RESERVED;
    *memory = (memory_t){device->total, device->total - used, used};
    return SUCCESS;
}

int nvmlDeviceGetMemoryInfo_v2(device_t *device, memory_v2_t *memory) {
    if (device->lost) return IS_LOST;
    *memory = (memory_v2_t){memory->version, device->total, RESERVED, device->total - device->used - RESERVED,
                            device->used};
    return SUCCESS;
}

int nvmlDeviceGetUUID(device_t *device, char *uuid, unsigned length) {
    snprintf(uuid, length, "%s", device->uuid);
    return SUCCESS;
}

int nvmlDeviceGetMaxMigDeviceCount(device_t *device, unsigned *most) {
    *most = device->instances ? MOST_MIG : 0;
    return SUCCESS;
}

int nvmlDeviceGetMigDeviceHandleByIndex(device_t *device, unsigned index, device_t **instance) {
    if (index >= (unsigned)device->instances) return NOT_FOUND;
    *instance = device->instance[index];
    return SUCCESS;
}

int nvmlDeviceGetComputeRunningProcesses_v3(device_t *device, unsigned *number, process_t *processes) {
    unsigned there = device->pid ? 1 : 0, room = *number;
    *number = there;
    if (there > room) return INSUFFICIENT_SIZE;
    if (there) processes[0] = (process_t){device->pid, device->held, 0, 0};
    return SUCCESS;
}

int nvmlDeviceGetComputeRunningProcesses_v2(device_t *device, unsigned *number, process_t *processes) {
    return nvmlDeviceGetComputeRunningProcesses_v3(device, number, processes);
}
