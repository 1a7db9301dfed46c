/* Shared by the floors: what the kernel alone costs, without any runtime around it. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline double now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

/* The number behind "name": in a flat JSON object; 0 when it is not there. */
static inline long size_of(const char* json, const char* name) {
  char key[64];
  snprintf(key, sizeof key, "\"%s\":", name);
  const char* at = strstr(json, key);
  return at == NULL ? 0 : atol(at + strlen(key));
}

static inline void print_sample(long index, double ms) {
  printf("%s%.6f", index == 0 ? "[" : ",", ms);
}
