// The nodes of a transform graph as read from features.json: plain data, every width, length and reference checked.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace scoring {

enum class Op : uint8_t { add, sub, mul, div, project, lookup, match, equal, isnan, fill, clip, date };
enum class Part : uint8_t { year, month, day, hour, minute, weekday, dayofyear, week };

struct Node {
  Op op = Op::add;
  Part part = Part::year;                    // date
  std::vector<int32_t> of;                   // columns: inputs come first, then every node's own
  int32_t column = 0;                        // its first column
  int32_t width = 1;                         // its number of columns
  bool by = false;                           // arithmetic with `value` in place of a second operand
  double value = 0.0;                        // by, equal, fill
  double low = 0.0, high = 0.0;              // clip; NaN leaves that side open
  double missing = 0.0, unseen = 0.0;        // match
  std::vector<double> table;                 // lookup: the values, then `unseen`, then `missing`
  std::vector<double> keys, values;          // match
  std::vector<double> fill, center, scale;   // project, per operand
  std::vector<double> weights;               // project, width x operands, row-major
};

struct Program {
  std::vector<std::string> inputs;
  std::vector<Node> nodes;
  std::vector<int32_t> outputs;     // column of each feature
  std::vector<std::string> names;   // of the features
  int32_t columns = 0;              // inputs and all nodes' columns
};

constexpr int32_t max_inputs = 1 << 16, max_nodes = 1 << 16, max_columns = 1 << 17;

// Throws Fault naming the node and key that is wrong.
Program read_program(std::string_view json);

}  // namespace scoring
