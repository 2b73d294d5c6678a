#include "base/crew.h"

#include <utility>

#include "base/machine.h"

namespace retort {

Crew::Crew(int threads, std::function<void()> begin) : begin_(std::move(begin)) {
  for (int i = 1; i < threads; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { stand_by(stop); });
  }
}

Crew::~Crew() = default;

void Crew::each(size_t count, const std::function<void(size_t)>& fn) {
  {
    const std::lock_guard lock(mutex_);
    fn_ = &fn;
    count_ = count;
    next_ = 0;
    busy_ = threads_.size();
    ++calls_;
  }
  called_.notify_all();
  work();
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return busy_ == 0; });
}

void Crew::work() {
  while (true) {
    size_t mine = 0;
    {
      const std::lock_guard lock(mutex_);
      if (next_ == count_) return;
      mine = next_++;
    }
    (*fn_)(mine);
  }
}

void Crew::stand_by(const std::stop_token& stop) {
  begin_();
  uint64_t seen = 0;
  double used = thread_cpu_seconds();
  std::unique_lock lock(mutex_);
  while (called_.wait(lock, stop, [&] { return calls_ != seen; })) {
    seen = calls_;
    lock.unlock();
    work();
    const double now = thread_cpu_seconds();
    lock.lock();
    cpu_seconds_ += now - std::exchange(used, now);
    if (--busy_ == 0) done_.notify_one();
  }
}

}  // namespace retort
