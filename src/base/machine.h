/// \file machine.h
/// What this machine is and what a piece of work has cost on it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace retort {

/// Cores that this process may use: affinity mask and cgroup quota, at least 1.
int usable_cores();
/// `threads`, or all usable cores where it is 0 (or less).
int resolve_threads(int threads);
/// "AMD EPYC ..., 2 cores" for reports.
std::string machine_description();
/// Whether the CPU multiplies bfloat16 faster than float32: with AMX, or AMD's avx512_bf16.
bool bf16_is_fast();

/// Seconds on a clock that never goes back.
double wall_seconds();
/// Seconds of processor time of this process, or of the calling thread alone.
double process_cpu_seconds();
double thread_cpu_seconds();
/// Highest resident memory of this process so far, bytes.
int64_t peak_memory_bytes();
/// Pages that the system has given to this process so far, and cleared before: what allocating costs beside the
/// allocator's own work.
int64_t page_faults();

/// Runs fn(0) ... fn(count - 1) on up to `threads` threads, rethrowing the first exception after all have ended.
void parallel_for(int threads, int64_t count, const std::function<void(int64_t)>& fn);

}  // namespace retort
