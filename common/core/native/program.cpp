#include "program.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <utility>

#include "fault.hpp"
#include "json.hpp"

namespace scoring {

namespace {

constexpr std::array<std::pair<std::string_view, Op>, 12> op_names{{{"add", Op::add},
                                                                    {"sub", Op::sub},
                                                                    {"mul", Op::mul},
                                                                    {"div", Op::div},
                                                                    {"project", Op::project},
                                                                    {"lookup", Op::lookup},
                                                                    {"match", Op::match},
                                                                    {"equal", Op::equal},
                                                                    {"isnan", Op::isnan},
                                                                    {"fill", Op::fill},
                                                                    {"clip", Op::clip},
                                                                    {"date", Op::date}}};

constexpr std::array<std::pair<std::string_view, Part>, 8> part_names{{{"year", Part::year},
                                                                       {"month", Part::month},
                                                                       {"day", Part::day},
                                                                       {"hour", Part::hour},
                                                                       {"minute", Part::minute},
                                                                       {"weekday", Part::weekday},
                                                                       {"dayofyear", Part::dayofyear},
                                                                       {"week", Part::week}}};

template <class Names>
auto named(const Names& names, std::string_view text) {
  return std::find_if(names.begin(), names.end(), [&](const auto& entry) { return entry.first == text; });
}

// A JSON object and the words that locate it in a message.
class Section {
 public:
  Section(const Json& json, std::string where) : json_(json), where_(std::move(where)) {
    if (json.kind != Json::Kind::object) refuse("expected an object, found " + std::string(json.kind_name()));
  }

  [[noreturn]] void refuse(const std::string& what) const {
    constexpr size_t enough = 300;   // a hostile key may be as long as the file
    throw Fault("features.json: " + where_ + (what.size() > enough ? what.substr(0, enough) + "..." : what));
  }

  [[noreturn]] void refuse(std::string_view key, const std::string& what) const {
    refuse("key \"" + std::string(key) + "\": " + what);
  }

  void rename(std::string where) { where_ = std::move(where); }

  bool has(std::string_view key) const { return json_.find(key) != nullptr; }

  void keys_are(std::initializer_list<std::string_view> allowed) const {
    for (const auto& [key, value] : json_.object) {
      if (std::find(allowed.begin(), allowed.end(), key) == allowed.end()) refuse("unknown key \"" + key + "\"");
    }
  }

  const Json& at(std::string_view key) const {
    const Json* value = json_.find(key);
    if (!value) refuse("key \"" + std::string(key) + "\" is missing");
    return *value;
  }

  double number(std::string_view key) const {   // null is NaN
    const Json& value = at(key);
    if (value.kind == Json::Kind::null) return std::nan("");
    if (value.kind != Json::Kind::number) refuse(key, "expected a number, found " + std::string(value.kind_name()));
    return value.number;
  }

  const std::string& string(std::string_view key) const {
    const Json& value = at(key);
    if (value.kind != Json::Kind::string) refuse(key, "expected a string, found " + std::string(value.kind_name()));
    return value.string;
  }

  const std::vector<double>& numbers(std::string_view key) const { return numbers(key, at(key)); }

  const std::vector<double>& numbers(std::string_view key, const Json& value) const {
    if (value.kind != Json::Kind::numbers) refuse(key, "expected an array of numbers, found " + std::string(value.kind_name()));
    return value.numbers;
  }

  std::vector<double> numbers(std::string_view key, size_t length, const char* one_for) const {
    const std::vector<double>& found = numbers(key);
    if (found.size() != length) {
      refuse(key,
             "has " + std::to_string(found.size()) + " numbers, needs " + std::to_string(length) + ", one for each " + one_for);
    }
    return found;
  }

  void finite(std::string_view key, const std::vector<double>& numbers) const {
    for (size_t i = 0; i < numbers.size(); ++i) {
      if (!std::isfinite(numbers[i])) refuse(key, "number " + std::to_string(i) + " is null");
    }
  }

  std::vector<std::string> strings(std::string_view key) const {
    const Json& value = at(key);
    std::vector<std::string> out;
    if (value.kind == Json::Kind::numbers && value.numbers.empty()) return out;
    if (value.kind != Json::Kind::array) refuse(key, "expected an array of strings, found " + std::string(value.kind_name()));
    out.reserve(value.array.size());
    for (const Json& element : value.array) {
      if (element.kind != Json::Kind::string) refuse(key, "expected strings only, found " + std::string(element.kind_name()));
      out.push_back(element.string);
    }
    return out;
  }

  // Numbers of columns that exist already.
  std::vector<int32_t> references(std::string_view key, int32_t columns) const {
    std::vector<int32_t> out;
    const std::vector<double>& found = numbers(key);
    out.reserve(found.size());
    for (const double number : found) {
      if (!(number >= 0 && number < columns && number == std::floor(number))) {
        refuse(key, std::isnan(number) ? "null is no column number"
                                       : "column " + text(number) + " does not exist here: columns 0 to " +
                                             std::to_string(columns - 1) + " come earlier");
      }
      out.push_back(static_cast<int32_t>(number));
    }
    return out;
  }

  static std::string text(double number) {
    if (number == std::floor(number) && std::fabs(number) < 1e15) return std::to_string(static_cast<int64_t>(number));
    return std::to_string(number);
  }

 private:
  const Json& json_;
  std::string where_;
};

void operands(const Section& section, const Node& node, size_t wanted) {
  if (node.of.size() != wanted) {
    section.refuse("of", "has " + std::to_string(node.of.size()) + " columns, needs " + std::to_string(wanted));
  }
}

void read_arithmetic(const Section& section, Node& node) {
  section.keys_are({"op", "of", "by"});
  node.by = section.has("by");
  operands(section, node, node.by ? 1 : 2);
  if (node.by) node.value = section.number("by");
}

void read_project(const Section& section, Node& node, int32_t room) {
  section.keys_are({"op", "of", "fill", "center", "scale", "weights"});
  const size_t count = node.of.size();
  if (count == 0) section.refuse("of", "needs at least one column");
  node.fill = section.numbers("fill", count, "column of \"of\"");
  node.center = section.numbers("center", count, "column of \"of\"");
  node.scale = section.numbers("scale", count, "column of \"of\"");
  section.finite("center", node.center);
  section.finite("scale", node.scale);
  for (size_t j = 0; j < count; ++j) {
    if (node.scale[j] == 0.0) section.refuse("scale", "number " + std::to_string(j) + " is 0");
  }
  const Json& weights = section.at("weights");
  if (weights.kind != Json::Kind::array)
    section.refuse("weights", "expected an array of arrays of numbers, found " + std::string(weights.kind_name()));
  if (weights.array.size() > static_cast<size_t>(room))
    section.refuse("weights", "more than " + std::to_string(max_columns) + " columns in the graph");
  node.width = static_cast<int32_t>(weights.array.size());
  node.weights.reserve(count * weights.array.size());
  for (const Json& row : weights.array) {
    const std::vector<double>& found = section.numbers("weights", row);
    if (found.size() != count) {
      section.refuse("weights", "row " + std::to_string(node.weights.size() / count) + " has " + std::to_string(found.size()) +
                                    " numbers, needs " + std::to_string(count) + ", one for each column of \"of\"");
    }
    section.finite("weights", found);
    node.weights.insert(node.weights.end(), found.begin(), found.end());
  }
}

void read_match(const Section& section, Node& node) {
  section.keys_are({"op", "of", "keys", "values", "missing", "unseen"});
  operands(section, node, 1);
  node.keys = section.numbers("keys");
  section.finite("keys", node.keys);
  for (size_t i = 1; i < node.keys.size(); ++i) {
    if (!(node.keys[i - 1] < node.keys[i])) section.refuse("keys", "not ascending at number " + std::to_string(i));
  }
  node.values = section.numbers("values", node.keys.size(), "key");
  node.missing = section.number("missing");
  node.unseen = section.number("unseen");
}

void read_operation(const Section& section, Node& node, int32_t room) {
  switch (node.op) {
    case Op::add:
    case Op::sub:
    case Op::mul:
    case Op::div: read_arithmetic(section, node); return;
    case Op::project: read_project(section, node, room); return;
    case Op::match: read_match(section, node); return;
    case Op::lookup:
      section.keys_are({"op", "of", "table", "missing", "unseen"});
      node.table = section.numbers("table");
      node.table.push_back(section.number("unseen"));
      node.table.push_back(section.number("missing"));
      break;
    case Op::equal:
    case Op::fill:
      section.keys_are({"op", "of", "value"});
      node.value = section.number("value");
      break;
    case Op::isnan: section.keys_are({"op", "of"}); break;
    case Op::clip:
      section.keys_are({"op", "of", "low", "high"});
      node.low = section.number("low");
      node.high = section.number("high");
      if (node.low > node.high) section.refuse("low", "is above \"high\"");
      break;
    case Op::date: {
      section.keys_are({"op", "of", "part"});
      const std::string& name = section.string("part");
      const auto part = named(part_names, name);
      if (part == part_names.end()) {
        section.refuse("part", "unknown part \"" + name + "\"; known: year, month, day, hour, minute, weekday, dayofyear, week");
      }
      node.part = part->second;
      break;
    }
  }
  operands(section, node, 1);
}

Node read_node(const Json& json, size_t number, int32_t columns) {
  const std::string place = "nodes[" + std::to_string(number) + "]";
  Section section(json, place + ": ");
  const std::string& name = section.string("op");
  const auto op = named(op_names, name);
  if (op == op_names.end()) {
    section.refuse("op", "unknown operation \"" + name +
                             "\"; known: add, sub, mul, div, project, lookup, match, equal, isnan, fill, clip, date");
  }
  section.rename(place + " (" + name + "): ");
  Node node;
  node.op = op->second;
  node.column = columns;
  node.of = section.references("of", columns);
  read_operation(section, node, max_columns - columns);
  return node;
}

}  // namespace

Program read_program(std::string_view json) {
  Json document;
  try {
    document = read_json(json);
  } catch (const Fault& fault) {
    throw Fault("features.json: " + std::string(fault.what()));
  }
  const Section section(document, "");
  const double format = section.number("format");
  if (format != 1) section.refuse("format", "this engine reads format 1, the file says " + Section::text(format));
  section.keys_are({"format", "inputs", "nodes", "outputs", "names"});

  Program program;
  program.inputs = section.strings("inputs");
  if (program.inputs.size() > max_inputs) section.refuse("inputs", "more than " + std::to_string(max_inputs));
  program.columns = static_cast<int32_t>(program.inputs.size());

  const Json& nodes = section.at("nodes");
  const bool none = nodes.kind == Json::Kind::numbers && nodes.numbers.empty();
  if (!none && nodes.kind != Json::Kind::array)
    section.refuse("nodes", "expected an array of nodes, found " + std::string(nodes.kind_name()));
  if (nodes.array.size() > max_nodes) section.refuse("nodes", "more than " + std::to_string(max_nodes));
  program.nodes.reserve(nodes.array.size());
  for (size_t i = 0; i < nodes.array.size(); ++i) {
    program.nodes.push_back(read_node(nodes.array[i], i, program.columns));
    program.columns += program.nodes.back().width;
    if (program.columns > max_columns)
      section.refuse("nodes", "more than " + std::to_string(max_columns) + " columns in the graph");
  }

  program.outputs = section.references("outputs", program.columns);
  if (program.outputs.size() > max_columns) section.refuse("outputs", "more than " + std::to_string(max_columns));
  program.names = section.strings("names");
  if (program.names.size() != program.outputs.size()) {
    section.refuse("names", "has " + std::to_string(program.names.size()) + " names, needs " +
                                std::to_string(program.outputs.size()) + ", one for each of \"outputs\"");
  }
  return program;
}

}  // namespace scoring
