// A small mutation driver, for compilers without libFuzzer: mutate SECONDS SEED_FILE...
// Each round takes a seed, damages it a few times in ways that text formats know (bytes, numbers, lines) and runs the target. The
// damage follows a fixed generator, so a run repeats itself; a sanitizer's report leaves the input in the file `crash-input`.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace {

std::string in_hand;

void keep_input() { std::ofstream("crash-input", std::ios::binary) << in_hand; }

class Mutator {
 public:
  std::string mutate(std::string text) {
    for (size_t left = 1 + below(4); left > 0 && !text.empty(); --left) {
      switch (below(7)) {
        case 0: text[below(text.size())] = static_cast<char>(below(256)); break;
        case 1: text.resize(below(text.size())); break;
        case 2: text.erase(below(text.size()), 1 + below(20)); break;
        case 3: repeat(text); break;
        case 4: swap_lines(text); break;
        default: change_number(text); break;
      }
    }
    return text;
  }

  size_t below(size_t end) { return end == 0 ? 0 : random_() % end; }

 private:
  void repeat(std::string& text) {
    const size_t from = below(text.size());
    text.insert(below(text.size()), text.substr(from, 1 + below(60)));
  }

  void swap_lines(std::string& text) {
    const auto line_at = [&](size_t place) {
      const size_t end = text.find('\n', place);
      const size_t start = place == 0 ? 0 : text.rfind('\n', place - 1) + 1;
      return std::pair(start, end == std::string::npos ? text.size() : end);
    };
    const auto a = line_at(below(text.size()));
    const auto b = line_at(below(text.size()));
    const std::string copy = text.substr(b.first, b.second - b.first);
    text.replace(a.first, a.second - a.first, copy);
  }

  void change_number(std::string& text) {
    static const char* const numbers[] = {"0", "1", "-1", "-2", "2", "3", "7", "255", "256", "65535", "2147483647", "-2147483648",
                                          "4294967295", "9223372036854775807", "1e308", "1e-320", "nan", "inf", "-inf", "0.5", "1e-35"};
    const size_t start = text.find_first_of("0123456789-", below(text.size()));
    if (start == std::string::npos) return;
    const size_t end = text.find_first_not_of("0123456789.-+e", start);
    text.replace(start, (end == std::string::npos ? text.size() : end) - start, numbers[below(std::size(numbers))]);
  }

  std::mt19937_64 random_{20240229};
};

std::string read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) {
    std::fprintf(stderr, "usage: %s SECONDS SEED_FILE...\n", arguments[0]);
    return 2;
  }
  std::vector<std::string> seeds;
  for (int i = 2; i < count; ++i) seeds.push_back(read_file(arguments[i]));
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(keep_input);
  Mutator mutator;
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(std::atof(arguments[1]));
  long rounds = 0;
  for (; std::chrono::steady_clock::now() < end || rounds < static_cast<long>(seeds.size()); ++rounds) {
    const std::string& seed = seeds[mutator.below(seeds.size())];
    in_hand = rounds < static_cast<long>(seeds.size()) ? seeds[static_cast<size_t>(rounds)] : mutator.mutate(seed);
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(in_hand.data()), in_hand.size());
  }
  std::printf("%ld inputs\n", rounds);
  return 0;
}
