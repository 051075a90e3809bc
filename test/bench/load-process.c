#include "load-process.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

// Nanoseconds, the first number of the file; -1 without one (a thread that has just ended).
static double run_time_ns(const char *folder, const char *thread) {
  char path[400];
  snprintf(path, sizeof path, "%s/%s/schedstat", folder, thread);
  FILE *file = fopen(path, "r");
  if (file == NULL) return -1;
  unsigned long long time;
  int found = fscanf(file, "%llu", &time);
  fclose(file);
  return found == 1 ? (double)time : -1;
}

double process_cpu_us(int pid) {
  char folder[64];
  snprintf(folder, sizeof folder, "/proc/%d/task", pid);
  DIR *threads = opendir(folder);
  double sum = 0;
  int found = 0;
  struct dirent *entry;
  while (threads != NULL && (entry = readdir(threads)) != NULL) {
    if (entry->d_name[0] == '.') continue;
    double time = run_time_ns(folder, entry->d_name);
    if (time < 0) continue;
    sum += time;
    found++;
  }
  if (threads != NULL) closedir(threads);
  if (found > 0) return sum / 1000;
  fprintf(stderr, "load: no run times in %s/*/schedstat\n", folder);
  exit(1);
}
