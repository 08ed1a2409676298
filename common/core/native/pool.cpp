#include "pool.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace scoring {

namespace {

constexpr int most_workers = 255;

struct Job {
  const std::function<void(int64_t)>& work;
  const int64_t count;
  std::atomic<int64_t> next{0};
  int open = 0;     // workers that may still join; under the pool's mutex, as are the following
  int inside = 0;   // workers at work on it
  std::exception_ptr error;
  std::mutex error_mutex;
  std::condition_variable left;

  Job(const std::function<void(int64_t)>& work_, int64_t count_) : work(work_), count(count_) {}

  void run() noexcept {
    for (;;) {
      const int64_t i = next.fetch_add(1, std::memory_order_relaxed);
      if (i >= count) return;
      try {
        work(i);
      } catch (...) {
        const std::lock_guard lock(error_mutex);
        if (!error) error = std::current_exception();
        next.store(count, std::memory_order_relaxed);   // nobody begins another piece
      }
    }
  }
};

class Pool {
 public:
  // The caller works too and never waits for a worker that has not joined: a busy or short pool only makes it slower.
  void run(Job& job, int helpers) {
    {
      const std::lock_guard lock(mutex_);
      grow(helpers);
      helpers = std::min(helpers, workers_);
      job.open = helpers;
      if (helpers > 0) jobs_.push_back(&job);
    }
    for (int i = 0; i < helpers; ++i) wake_.notify_one();
    job.run();
    std::unique_lock lock(mutex_);
    jobs_.erase(std::remove(jobs_.begin(), jobs_.end(), &job), jobs_.end());
    job.left.wait(lock, [&job] { return job.inside == 0; });
  }

 private:
  void grow(int wanted) {
    while (workers_ < std::min(wanted, most_workers)) {
      try {
        std::thread([this] { serve(); }).detach();   // the pool outlives them: it is never destroyed
      } catch (const std::system_error&) {
        return;   // the system gives no more threads: go on with those there are
      }
      ++workers_;
    }
  }

  void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return !jobs_.empty(); });
      Job& job = *jobs_.front();
      if (--job.open == 0) jobs_.pop_front();
      ++job.inside;
      lock.unlock();
      job.run();
      lock.lock();
      if (--job.inside == 0) job.left.notify_one();   // under the mutex: the job lives on its caller's stack
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job*> jobs_;
  int workers_ = 0;
};

std::atomic<Pool*> the_pool{nullptr};

Pool& pool() {
  Pool* found = the_pool.load(std::memory_order_acquire);
  if (found) return *found;
#if defined(__unix__) || defined(__APPLE__)
  // A forked child has none of the threads, and its copy of the mutex may be locked for ever: it leaves the copy alone and makes its own.
  static const int registered = pthread_atfork(nullptr, nullptr, [] { the_pool.store(nullptr); });
  static_cast<void>(registered);
#endif
  auto made = std::make_unique<Pool>();
  if (the_pool.compare_exchange_strong(found, made.get(), std::memory_order_acq_rel)) return *made.release();
  return *found;
}

}  // namespace

int processors() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

void parallel(int64_t count, int threads, const std::function<void(int64_t)>& work) {
  if (threads <= 0) threads = processors();
  threads = static_cast<int>(std::min<int64_t>({threads, count, most_workers + 1}));
  if (threads <= 1) {
    for (int64_t i = 0; i < count; ++i) work(i);
    return;
  }
  Job job(work, count);
  pool().run(job, threads - 1);
  if (job.error) std::rethrow_exception(job.error);
}

}  // namespace scoring
