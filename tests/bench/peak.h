// What this machine can do at most, measured in the same run as the figure it is compared with; 0
// where Highway was not there.
#pragma once

namespace peira::bench {

// float32 multiply-adds in registers, on all `num_threads` threads together, in 1e9 operations a
// second (a multiply-add is two), with the instruction set the CPU backend uses.
double peak_gflops(int num_threads);

// Bytes read a second, in 1e9, summing a buffer far larger than the caches.
double read_gbytes_per_s(int num_threads);

}  // namespace peira::bench
