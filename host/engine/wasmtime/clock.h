// The thread that ends time slices. See clock.c.
#ifndef SERAI_WASMTIME_CLOCK_H
#define SERAI_WASMTIME_CLOCK_H

#include <pthread.h>

#include "capi.h"

typedef struct serai_clock {
  wasm_engine_t *engines[2];
  long tick_ns;
  int64_t running; // guests that run now; Go adds and subtracts atomically
  int32_t parked;  // the thread sleeps until serai_clock_wake
  int32_t stop;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t wake;
} serai_clock;

serai_clock *serai_clock_new(wasm_engine_t *one, wasm_engine_t *two, long tick_ns);
void serai_clock_wake(serai_clock *c);
void serai_clock_delete(serai_clock *c);

#endif
