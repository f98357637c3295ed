// The clock ends the guests' time slices: a thread that advances the
// engines' epoch every tick while guests run, and sleeps otherwise. It is a
// C thread so that it ticks on time while every Go thread is busy in guests.
#define _GNU_SOURCE
#include "clock.h"

#include <stdlib.h>
#include <time.h>

enum { IDLE_TICKS = 100 };

static void *run(void *arg) {
  serai_clock *c = arg;
  unsigned idle = 0;
  struct timespec tick = {0, c->tick_ns};
  while (!__atomic_load_n(&c->stop, __ATOMIC_ACQUIRE)) {
    nanosleep(&tick, NULL);
    if (__atomic_load_n(&c->running, __ATOMIC_ACQUIRE) > 0) {
      idle = 0;
      wasmtime_engine_increment_epoch(c->engines[0]);
      wasmtime_engine_increment_epoch(c->engines[1]);
      continue;
    }
    if (++idle < IDLE_TICKS) continue;
    pthread_mutex_lock(&c->lock);
    __atomic_store_n(&c->parked, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&c->running, __ATOMIC_SEQ_CST) == 0 &&
           !__atomic_load_n(&c->stop, __ATOMIC_ACQUIRE))
      pthread_cond_wait(&c->wake, &c->lock);
    __atomic_store_n(&c->parked, 0, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&c->lock);
    idle = 0;
  }
  return NULL;
}

serai_clock *serai_clock_new(wasm_engine_t *one, wasm_engine_t *two, long tick_ns) {
  serai_clock *c = calloc(1, sizeof *c);
  if (c == NULL) return NULL;
  c->engines[0] = one;
  c->engines[1] = two;
  c->tick_ns = tick_ns;
  pthread_mutex_init(&c->lock, NULL);
  pthread_cond_init(&c->wake, NULL);
  if (pthread_create(&c->thread, NULL, run, c) != 0) {
    free(c);
    return NULL;
  }
  return c;
}

void serai_clock_wake(serai_clock *c) {
  pthread_mutex_lock(&c->lock);
  pthread_cond_signal(&c->wake);
  pthread_mutex_unlock(&c->lock);
}

void serai_clock_delete(serai_clock *c) {
  __atomic_store_n(&c->stop, 1, __ATOMIC_RELEASE);
  serai_clock_wake(c);
  pthread_join(c->thread, NULL);
  pthread_cond_destroy(&c->wake);
  pthread_mutex_destroy(&c->lock);
  free(c);
}
