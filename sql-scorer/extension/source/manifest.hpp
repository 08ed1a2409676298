// The manifest of an artifact: what the pipeline reads and gives, and the digests of the other members.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cell.hpp"

namespace scoring {

struct InputField {
  std::string name;
  CellKind kind;
  bool plain;   // a double is the number itself: no codes, and no number means missing
  std::unique_ptr<CellReader> reader;
};

struct Manifest {
  std::string task;   // regression, binomial or multinomial
  std::vector<std::string> labels;
  std::vector<std::string> outputs;
  std::vector<InputField> inputs;
  std::vector<std::pair<std::string, std::string>> digests;   // member, sha256 in hexadecimal
};

// Throws Fault naming what is wrong.
Manifest read_manifest(std::string_view text);

// The text without what Python's str.strip takes for blanks, in UTF-8.
std::string_view without_blanks(std::string_view text);

}  // namespace scoring
