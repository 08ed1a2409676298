// The process's worker threads: started when first asked for, shared by every pipeline, safe to fork.
#pragma once
#include <cstdint>
#include <functional>

namespace scoring {

// Processors that this process may use.
int processors();

// Runs work(0) .. work(count - 1), each once, on up to `threads` threads (0: one for each processor), the caller's among them.
// Returns when all are done; rethrows the first exception. With one thread or one piece of work no other thread is touched.
void parallel(int64_t count, int threads, const std::function<void(int64_t)>& work);

}  // namespace scoring
