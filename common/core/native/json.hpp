// A small strict JSON reader (RFC 8259): duplicate keys, trailing text, deep nesting and numbers out of range are refused.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scoring {

struct Json {
  enum class Kind : uint8_t { null, boolean, number, string, numbers, array, object };

  Kind kind = Kind::null;
  bool boolean = false;
  double number = 0.0;
  std::string string;
  // An array of numbers and nulls (also the empty array) is kept flat, a null as NaN: tables and weights are long.
  std::vector<double> numbers;
  std::vector<Json> array;
  std::vector<std::pair<std::string, Json>> object;   // in the order of the text

  const Json* find(std::string_view key) const;   // member of an object, or nullptr
  const char* kind_name() const;
};

constexpr int json_depth = 16;               // arrays and objects inside each other; the features file needs 5
constexpr int32_t json_values = 1'000'000;   // bounds the memory that a hostile text can ask for

// Throws Fault naming the line and column.
Json read_json(std::string_view text);

}  // namespace scoring
