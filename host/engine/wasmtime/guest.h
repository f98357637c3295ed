// The C side of an instance: a coroutine that Go resumes. See guest.c.
#ifndef SERAI_WASMTIME_GUEST_H
#define SERAI_WASMTIME_GUEST_H

#include "capi.h"

enum {
  SERAI_MAX_ARGS = 16,  // parameters of a host function or an export
  SERAI_MAX_FUNCS = 32, // exports that one instance was called by
};

// What a poll ended with.
enum {
  SERAI_DONE,   // the call returned; result holds its result
  SERAI_HOST,   // the guest waits for the host function host_func
  SERAI_YIELD,  // the guest's slice is over
  SERAI_FAILED, // trap or error is set
};

// The bytes that the guests of an engine may grow by, all together.
typedef struct serai_budget serai_budget;
serai_budget *serai_budget_new(uint64_t bytes);
void serai_budget_delete(serai_budget *b);

typedef struct serai_guest {
  wasmtime_store_t *store;
  wasmtime_context_t *context;
  wasmtime_instance_t instance;

  // Linear memory: mapped by Go, grown here.
  uint8_t *memory;
  uint64_t memory_size, memory_max, grown;
  serai_budget *budget;

  // The host call that the guest waits for.
  uint32_t host_func, host_nargs, host_nresults;
  bool host_pending, host_done;
  uint64_t host_stack[SERAI_MAX_ARGS];
  wasmtime_val_t *host_results;

  // The running call.
  wasmtime_call_future_t *future;
  wasm_trap_t *trap;
  wasmtime_error_t *error;
  wasmtime_val_t args[SERAI_MAX_ARGS];
  uint64_t arg[SERAI_MAX_ARGS];
  wasmtime_val_t results[1];
  uint64_t result;

  // Looked up once.
  uint32_t nfuncs, nglobals;
  wasmtime_func_t funcs[SERAI_MAX_FUNCS];
  wasmtime_global_t *globals;
  uint8_t *global_kinds;
  uint64_t *global_values;
} serai_guest;

wasm_engine_t *serai_engine_new(bool quick, uint64_t wasm_stack, uint64_t fiber_stack,
                                uint64_t reservation, uint64_t guard);
wasmtime_error_t *serai_linker_define(wasmtime_linker_t *linker, const char *module,
                                      size_t module_len, const char *name, size_t name_len,
                                      const uint8_t *params, size_t nparams,
                                      const uint8_t *results, size_t nresults, uint32_t index);
serai_guest *serai_guest_new(wasm_engine_t *engine, wasmtime_instance_pre_t *pre,
                             serai_budget *budget, void *memory, uint64_t size, uint64_t max,
                             uint32_t nglobals);
int serai_guest_find_func(serai_guest *g, const char *name, size_t len);
bool serai_guest_find_global(serai_guest *g, uint32_t i, const char *name, size_t len);
void serai_guest_get_globals(serai_guest *g);
bool serai_guest_set_globals(serai_guest *g);
int serai_guest_call(serai_guest *g, uint32_t func, const uint8_t *kinds, uint32_t nargs,
                     uint32_t nresults);
int serai_guest_resume(serai_guest *g);
void serai_guest_abort(serai_guest *g);
void serai_guest_delete(serai_guest *g);

#endif
