// A guest is a coroutine. wasmtime runs it on a stack of its own (a fiber);
// when it calls a host function, or its time slice ends, the fiber is
// suspended and serai_guest_call or serai_guest_resume returns to Go, which
// does what is asked and resumes it later, on any thread. So Go code never
// runs on a guest's stack, C never calls Go, and a guest that waits holds
// nothing but its memory and its stack.
#define _GNU_SOURCE
#include "guest.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// ---- Linear memories: Go maps them, and says which one is next ----

struct serai_budget {
  atomic_uint_fast64_t left;
};

serai_budget *serai_budget_new(uint64_t bytes) {
  serai_budget *b = malloc(sizeof *b);
  if (b != NULL) atomic_init(&b->left, bytes);
  return b;
}

void serai_budget_delete(serai_budget *b) { free(b); }

static bool budget_take(serai_budget *b, uint64_t bytes) {
  uint_fast64_t left = atomic_load(&b->left);
  do {
    if (left < bytes) return false;
  } while (!atomic_compare_exchange_weak(&b->left, &left, left - bytes));
  return true;
}

static _Thread_local serai_guest *creating;

static uint8_t *memory_get(void *env, size_t *size, size_t *capacity) {
  serai_guest *g = env;
  *size = g->memory_size;
  *capacity = g->memory_max;
  return g->memory;
}

static wasmtime_error_t *memory_grow(void *env, size_t new_size) {
  serai_guest *g = env;
  if (new_size > g->memory_max) return wasmtime_error_new("memory limit reached");
  if (new_size <= g->memory_size) return NULL;
  uint8_t *added = g->memory + g->memory_size;
  size_t length = new_size - g->memory_size;
  if (!budget_take(g->budget, length)) return wasmtime_error_new("the host has no more memory for guests");
  if (mprotect(added, length, PROT_READ | PROT_WRITE) != 0) {
    atomic_fetch_add(&g->budget->left, length);
    return wasmtime_error_new("the system has no more memory");
  }
  g->grown += length;
  madvise(added, length, MADV_NOHUGEPAGE);
  g->memory_size = new_size;
  return NULL;
}

static wasmtime_error_t *memory_new(void *env, const wasm_memorytype_t *type, size_t minimum,
                                    size_t maximum, size_t reserved, size_t guard,
                                    wasmtime_linear_memory_t *out) {
  (void)env, (void)type, (void)maximum, (void)reserved, (void)guard;
  serai_guest *g = creating;
  creating = NULL; // one memory an instance
  if (g == NULL || g->memory_size < minimum)
    return wasmtime_error_new("no image for this memory");
  *out = (wasmtime_linear_memory_t){g, memory_get, memory_grow, NULL};
  return NULL;
}

// ---- Fiber stacks: kept for the next call, since making one costs three
// system calls and a page fault for every page that is touched ----

typedef struct stack {
  struct stack *next;
  uint8_t *base; // of the mapping, the guard page
  size_t length; // without the guard page
} stack;

enum { GUARD = 4096 * 4, MAX_FREE_STACKS = 256 };

static pthread_mutex_t stacks_lock = PTHREAD_MUTEX_INITIALIZER;
static stack *free_stacks;
static unsigned free_count;

static uint8_t *stack_top(void *env, size_t *length) {
  stack *s = env;
  *length = s->length;
  return s->base + GUARD + s->length;
}

static void stack_unmap(stack *s) {
  munmap(s->base, s->length + GUARD);
  free(s);
}

static void stack_release(void *env) {
  stack *s = env;
  pthread_mutex_lock(&stacks_lock);
  bool keep = free_count < MAX_FREE_STACKS;
  if (keep) {
    s->next = free_stacks;
    free_stacks = s;
    free_count++;
  }
  pthread_mutex_unlock(&stacks_lock);
  if (!keep) stack_unmap(s);
}

static wasmtime_error_t *stack_new(void *env, size_t size, bool zeroed,
                                   wasmtime_stack_memory_t *out) {
  (void)env, (void)zeroed;
  size = (size + 4095) & ~(size_t)4095;
  pthread_mutex_lock(&stacks_lock);
  stack *s = free_stacks;
  if (s != NULL && s->length == size) {
    free_stacks = s->next;
    free_count--;
  } else {
    s = NULL;
  }
  pthread_mutex_unlock(&stacks_lock);
  if (s == NULL) {
    s = malloc(sizeof *s);
    if (s == NULL) return wasmtime_error_new("out of memory");
    s->length = size;
    s->base = mmap(NULL, size + GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (s->base == MAP_FAILED) {
      free(s);
      return wasmtime_error_new("the system has no memory for a stack");
    }
    if (mprotect(s->base + GUARD, size, PROT_READ | PROT_WRITE) != 0) {
      stack_unmap(s);
      return wasmtime_error_new("the system has no memory for a stack");
    }
    madvise(s->base + GUARD, size, MADV_NOHUGEPAGE);
  }
  *out = (wasmtime_stack_memory_t){s, stack_top, stack_release};
  return NULL;
}

// serai_engine_new makes an engine that compiles well, or quickly: in half
// the time, to code that runs at half the speed.
wasm_engine_t *serai_engine_new(bool quick, uint64_t wasm_stack, uint64_t fiber_stack,
                                uint64_t reservation, uint64_t guard) {
  wasm_config_t *c = wasm_config_new();
  if (c == NULL) return NULL;
  wasmtime_config_epoch_interruption_set(c, true);
  wasmtime_config_async_support_set(c, true);
  wasmtime_config_max_wasm_stack_set(c, wasm_stack);
  wasmtime_config_async_stack_size_set(c, fiber_stack);
  if (quick) {
    wasmtime_config_cranelift_opt_level_set(c, WASMTIME_OPT_LEVEL_NONE);
    wasmtime_config_cranelift_flag_set(c, "regalloc_algorithm", "single_pass");
  } else {
    wasmtime_config_cranelift_opt_level_set(c, WASMTIME_OPT_LEVEL_SPEED);
  }
  wasmtime_config_native_unwind_info_set(c, false);
  // Images are mapped by this package; wasmtime's own copy-on-write aborts
  // the process together with a memory creator.
  wasmtime_config_memory_init_cow_set(c, false);
  wasmtime_config_memory_may_move_set(c, false);
  wasmtime_config_memory_reservation_set(c, reservation);
  wasmtime_config_memory_guard_size_set(c, guard);
  // What no guest needs is off: every proposal is attack surface.
  wasmtime_config_wasm_threads_set(c, false);
  wasmtime_config_wasm_tail_call_set(c, false);
  wasmtime_config_wasm_relaxed_simd_set(c, false);
  wasmtime_config_wasm_simd_set(c, false);
  wasmtime_config_wasm_multi_memory_set(c, false);
  wasmtime_config_wasm_memory64_set(c, false);
  wasmtime_config_wasm_gc_set(c, false);
  wasmtime_config_wasm_function_references_set(c, false);
  wasmtime_memory_creator_t memories = {NULL, memory_new, NULL};
  wasmtime_config_host_memory_creator_set(c, &memories);
  wasmtime_stack_creator_t stacks = {NULL, stack_new, NULL};
  wasmtime_config_host_stack_creator_set(c, &stacks);
  return wasm_engine_new_with_config(c);
}

// ---- Host functions: noted here, done in Go ----

static bool host_continue(void *env) {
  serai_guest *g = env;
  if (!g->host_done) return false;
  for (uint32_t i = 0; i < g->host_nresults; i++) {
    if (g->host_results[i].kind == WASMTIME_I32)
      g->host_results[i].of.i32 = (int32_t)g->host_stack[i];
    else
      g->host_results[i].of.i64 = (int64_t)g->host_stack[i];
  }
  g->host_done = false;
  return true;
}

// serai_host is what a host function is to wasmtime.
typedef struct serai_host {
  uint32_t index;
  uint32_t nresults;
  uint8_t kinds[2];
} serai_host;

static void host_call(void *env, wasmtime_caller_t *caller, const wasmtime_val_t *args,
                      size_t nargs, wasmtime_val_t *results, size_t nresults,
                      wasm_trap_t **trap, wasmtime_async_continuation_t *out) {
  (void)trap;
  serai_host *h = env;
  serai_guest *g = wasmtime_context_get_data(wasmtime_caller_context(caller));
  for (size_t i = 0; i < nargs; i++)
    g->host_stack[i] =
        args[i].kind == WASMTIME_I32 ? (uint32_t)args[i].of.i32 : (uint64_t)args[i].of.i64;
  for (size_t i = 0; i < nresults; i++) results[i].kind = h->kinds[i];
  g->host_func = h->index;
  g->host_nargs = (uint32_t)nargs;
  g->host_nresults = (uint32_t)nresults;
  g->host_results = results;
  g->host_pending = true;
  g->host_done = false;
  *out = (wasmtime_async_continuation_t){host_continue, g, NULL};
}

static void value_types(const uint8_t *kinds, size_t n, wasm_valtype_vec_t *out) {
  wasm_valtype_t *types[SERAI_MAX_ARGS];
  for (size_t i = 0; i < n; i++) types[i] = wasm_valtype_new(kinds[i]);
  wasm_valtype_vec_new(out, n, types);
}

wasmtime_error_t *serai_linker_define(wasmtime_linker_t *linker, const char *module,
                                      size_t module_len, const char *name, size_t name_len,
                                      const uint8_t *params, size_t nparams,
                                      const uint8_t *results, size_t nresults, uint32_t index) {
  serai_host *h = calloc(1, sizeof *h);
  if (h == NULL || nparams > SERAI_MAX_ARGS || nresults > sizeof h->kinds) {
    free(h);
    return wasmtime_error_new("host function has too many parameters or results");
  }
  h->index = index;
  h->nresults = (uint32_t)nresults;
  memcpy(h->kinds, results, nresults);
  wasm_valtype_vec_t p, r;
  value_types(params, nparams, &p);
  value_types(results, nresults, &r);
  wasm_functype_t *type = wasm_functype_new(&p, &r);
  wasmtime_error_t *err = wasmtime_linker_define_async_func(
      linker, module, module_len, name, name_len, type, host_call, h, free);
  wasm_functype_delete(type);
  return err;
}

// ---- Instances ----

// settle drops a finished or abandoned future.
static void settle(serai_guest *g) {
  if (g->future != NULL) {
    wasmtime_call_future_delete(g->future);
    g->future = NULL;
  }
  g->host_pending = g->host_done = false;
}

static int poll(serai_guest *g) {
  if (wasmtime_call_future_poll(g->future)) {
    settle(g);
    if (g->trap != NULL || g->error != NULL) return SERAI_FAILED;
    g->result = g->results[0].kind == WASMTIME_I32 ? (uint32_t)g->results[0].of.i32
                                                   : (uint64_t)g->results[0].of.i64;
    return SERAI_DONE;
  }
  return g->host_pending ? SERAI_HOST : SERAI_YIELD;
}

// serai_guest_new makes an instance over a memory that Go has mapped. It
// returns NULL when there is no memory left; otherwise error or trap tell
// whether it worked.
serai_guest *serai_guest_new(wasm_engine_t *engine, wasmtime_instance_pre_t *pre,
                             serai_budget *budget, void *memory, uint64_t size, uint64_t max,
                             uint32_t nglobals) {
  serai_guest *g = calloc(1, sizeof *g);
  if (g == NULL) return NULL;
  g->budget = budget;
  g->memory = memory;
  g->memory_size = size;
  g->memory_max = max;
  g->nglobals = nglobals;
  g->globals = calloc(nglobals + 1, sizeof *g->globals);
  g->global_kinds = calloc(nglobals + 1, sizeof *g->global_kinds);
  g->global_values = calloc(nglobals + 1, sizeof *g->global_values);
  if (g->globals == NULL || g->global_kinds == NULL || g->global_values == NULL) {
    serai_guest_delete(g);
    return NULL;
  }
  g->store = wasmtime_store_new(engine, g, NULL);
  g->context = wasmtime_store_context(g->store);
  wasmtime_store_limiter(g->store, -1, 1 << 20, 1, 64, 1);
  wasmtime_context_set_epoch_deadline(g->context, 1);
  wasmtime_context_epoch_deadline_async_yield_and_update(g->context, 1);
  creating = g;
  g->future = wasmtime_instance_pre_instantiate_async(pre, g->context, &g->instance, &g->trap,
                                                      &g->error);
  while (!wasmtime_call_future_poll(g->future)) {
  } // no start function is left in the module, so nothing of the guest runs
  creating = NULL;
  settle(g);
  return g;
}

int serai_guest_find_func(serai_guest *g, const char *name, size_t len) {
  wasmtime_extern_t item;
  if (g->nfuncs == SERAI_MAX_FUNCS ||
      !wasmtime_instance_export_get(g->context, &g->instance, name, len, &item) ||
      item.kind != WASMTIME_EXTERN_FUNC)
    return -1;
  g->funcs[g->nfuncs] = item.of.func;
  return (int)g->nfuncs++;
}

bool serai_guest_find_global(serai_guest *g, uint32_t i, const char *name, size_t len) {
  wasmtime_extern_t item;
  if (!wasmtime_instance_export_get(g->context, &g->instance, name, len, &item) ||
      item.kind != WASMTIME_EXTERN_GLOBAL)
    return false;
  wasmtime_val_t v;
  wasmtime_global_get(g->context, &item.of.global, &v);
  g->globals[i] = item.of.global;
  g->global_kinds[i] = v.kind;
  return true;
}

// The kinds that a mutable global may have here are numbers, whose bits are
// at the start of the union in all of them.
void serai_guest_get_globals(serai_guest *g) {
  for (uint32_t i = 0; i < g->nglobals; i++) {
    wasmtime_val_t v;
    memset(&v, 0, sizeof v);
    wasmtime_global_get(g->context, &g->globals[i], &v);
    bool wide = v.kind == WASMTIME_I64 || v.kind == WASMTIME_F64;
    g->global_values[i] = wide ? (uint64_t)v.of.i64 : (uint32_t)v.of.i32;
  }
}

bool serai_guest_set_globals(serai_guest *g) {
  for (uint32_t i = 0; i < g->nglobals; i++) {
    wasmtime_val_t v;
    memset(&v, 0, sizeof v);
    v.kind = g->global_kinds[i];
    v.of.i64 = (int64_t)g->global_values[i];
    wasmtime_error_t *err = wasmtime_global_set(g->context, &g->globals[i], &v);
    if (err != NULL) {
      wasmtime_error_delete(err);
      return false;
    }
  }
  return true;
}

int serai_guest_call(serai_guest *g, uint32_t func, const uint8_t *kinds, uint32_t nargs,
                     uint32_t nresults) {
  for (uint32_t i = 0; i < nargs; i++) {
    g->args[i].kind = kinds[i];
    g->args[i].of.i64 = (int64_t)g->arg[i];
  }
  memset(g->results, 0, sizeof g->results);
  wasmtime_context_set_epoch_deadline(g->context, 1);
  g->future = wasmtime_func_call_async(g->context, &g->funcs[func], g->args, nargs, g->results,
                                       nresults, &g->trap, &g->error);
  return poll(g);
}

// serai_guest_resume goes on after a yield, or after a host call whose
// results Go has put into host_stack.
int serai_guest_resume(serai_guest *g) {
  if (g->host_pending) {
    g->host_pending = false;
    g->host_done = true;
  }
  return poll(g);
}

// serai_guest_abort ends a suspended call. The instance is of no use after it.
void serai_guest_abort(serai_guest *g) { settle(g); }

void serai_guest_delete(serai_guest *g) {
  settle(g);
  if (g->trap != NULL) wasm_trap_delete(g->trap);
  if (g->error != NULL) wasmtime_error_delete(g->error);
  if (g->store != NULL) wasmtime_store_delete(g->store);
  atomic_fetch_add(&g->budget->left, g->grown);
  free(g->globals);
  free(g->global_kinds);
  free(g->global_values);
  free(g);
}
