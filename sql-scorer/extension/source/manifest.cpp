#include "manifest.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "decimal.hpp"
#include "fault.hpp"
#include "json.hpp"

namespace scoring {

namespace {

constexpr int format = 1;
constexpr std::string_view default_missing[] = {"", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?"};

[[noreturn]] void refuse(const std::string& what) { throw Fault("the artifact is refused: in its manifest " + what); }

const Json& member(const Json& body, std::string_view key) {
  const Json* const found = body.find(key);
  if (found == nullptr) refuse("'" + std::string(key) + "' is missing");
  return *found;
}

const std::string& text(const Json& body, std::string_view key) {
  const Json& found = member(body, key);
  if (found.kind != Json::Kind::string || found.string.empty()) refuse("'" + std::string(key) + "' is not a string, or empty");
  return found.string;
}

std::vector<std::string> texts(const Json& list, std::string_view key) {
  if (list.kind == Json::Kind::numbers && list.numbers.empty()) return {};
  std::vector<std::string> found;
  if (list.kind != Json::Kind::array) refuse("'" + std::string(key) + "' is not a list of strings");
  for (const Json& item : list.array) {
    if (item.kind != Json::Kind::string) refuse("'" + std::string(key) + "' is not a list of strings");
    found.push_back(item.string);
  }
  std::vector<std::string> sorted = found;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) refuse("'" + std::string(key) + "' lists a string twice");
  return found;
}

std::string lowered(std::string_view word) {
  std::string out(word);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return out;
}

// A decimal or infinite number in Python's float grammar, without underscores; nothing for NaN and for what is no number.
std::optional<double> decimal(std::string_view word) {
  word = without_blanks(word);
  double value = 0.0;
  if (read_decimal(word, value)) return value;
  std::string plain = lowered(word);
  const bool negative = !plain.empty() && plain.front() == '-';
  if (negative || (!plain.empty() && plain.front() == '+')) plain.erase(0, 1);
  if (plain != "inf" && plain != "infinity") return std::nullopt;
  return negative ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
}

std::optional<double> category_number(const std::string& word) {
  if (const auto value = decimal(word)) return value;
  const std::string plain = lowered(word);
  if (plain == "true" || plain == "t" || plain == "yes") return 1.0;
  if (plain == "false" || plain == "f" || plain == "no") return 0.0;
  return std::nullopt;
}

CellKind kind_of(const std::string& type, const std::string& name) {
  if (type == "Str") return CellKind::text;
  if (type == "Time64") return CellKind::time;
  if (type == "Bool") return CellKind::boolean;
  if (type == "Float64" || type == "Float32" || type == "Int32" || type == "Int64") return CellKind::number;
  refuse("the field '" + name + "' has the type '" + type + "', which does not exist");
}

InputField read_input(const Json& body) {
  if (body.kind != Json::Kind::object) refuse("'inputs' is not a list of objects");
  InputField field{text(body, "name"), CellKind::number, false, nullptr};
  field.kind = kind_of(text(body, "type"), field.name);
  std::vector<std::string> missing(std::begin(default_missing), std::end(default_missing));
  if (const Json* const given = body.find("missing"); given && given->kind != Json::Kind::null) missing = texts(*given, "missing");
  const Json* const listed = body.find("categories");
  const bool has_categories = listed != nullptr && listed->kind != Json::Kind::null;
  const std::vector<std::string> categories = has_categories ? texts(*listed, "categories") : std::vector<std::string>();
  if (field.kind == CellKind::text && !has_categories) refuse("the field '" + field.name + "' is a Str without categories");
  if (field.kind == CellKind::time && has_categories) refuse("the field '" + field.name + "' is a Time64 with categories");

  std::vector<std::string> tokens;
  std::vector<double> sentinels;
  std::vector<std::pair<double, double>> codes;
  std::vector<std::pair<std::string, double>> words;   // of equal words the first counts
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  for (const std::string& token : missing) {
    tokens.emplace_back(without_blanks(token));
    if (field.kind == CellKind::text) {
      words.emplace_back(token, nan);
      words.emplace_back(tokens.back(), nan);
    } else if (const auto value = decimal(token); value && field.kind == CellKind::number) {
      sentinels.push_back(*value);
    }
  }
  for (size_t code = 0; code < categories.size(); ++code) {
    if (field.kind == CellKind::text) {
      words.emplace_back(categories[code], static_cast<double>(code));
    } else {
      const auto value = category_number(categories[code]);
      if (!value) refuse("the field '" + field.name + "' has a category that is no number");
      codes.emplace_back(*value, static_cast<double>(code));
    }
  }
  for (size_t code = 0; code < categories.size() && field.kind == CellKind::text; ++code)
    words.emplace_back(std::string(without_blanks(categories[code])), static_cast<double>(code));
  const bool coded = has_categories && field.kind != CellKind::text;
  field.plain = field.kind == CellKind::number && !coded && sentinels.empty();
  field.reader = std::make_unique<CellReader>(field.kind, coded, std::move(tokens), std::move(sentinels), std::move(codes),
                                              std::move(words));
  return field;
}

void check_outputs(const Json& body, const Manifest& manifest, const std::string& target) {
  const Json& outputs = member(body, "outputs");
  const size_t count = manifest.labels.size();
  const bool fits = manifest.task == "regression" ? count == 0 : manifest.task == "binomial" ? count == 2 : count >= 2;
  if (manifest.task != "regression" && manifest.task != "binomial" && manifest.task != "multinomial")
    refuse("the task is not one of regression, binomial, multinomial");
  if (!fits) refuse("'labels' has " + std::to_string(count) + " labels, which does not fit the task " + manifest.task);
  std::vector<std::string> expected;
  if (count == 0) expected.push_back(target);
  for (const std::string& label : manifest.labels) expected.push_back(target + "." + label);
  if (manifest.outputs != expected || outputs.kind != Json::Kind::array)
    refuse("'outputs' does not follow from the task, target and labels");
}

}  // namespace

std::string_view without_blanks(std::string_view text) {
  // Two and three bytes of UTF-8 that are blanks; one byte is told by its value.
  const auto blank = [](std::string_view at, bool back) -> size_t {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(back ? at[at.size() - 1 - i] : at[i]); };
    const unsigned first = at.empty() ? 'x' : byte(0);
    if (first == ' ' || (first >= 9 && first <= 13) || (first >= 0x1c && first <= 0x1f)) return 1;
    const auto unit = [&](size_t count) { return back ? at.substr(at.size() - count) : at.substr(0, count); };
    for (const std::string_view two : {"\xc2\x85", "\xc2\xa0"}) {
      if (at.size() >= 2 && unit(2) == two) return 2;
    }
    if (at.size() < 3) return 0;
    const std::string_view three = unit(3);
    if (three == "\xe1\x9a\x80" || three == "\xe2\x80\xa8" || three == "\xe2\x80\xa9" || three == "\xe2\x80\xaf" ||
        three == "\xe2\x81\x9f" || three == "\xe3\x80\x80")
      return 3;
    const bool spaces = three[0] == '\xe2' && three[1] == '\x80' && static_cast<unsigned char>(three[2]) <= 0x8a;
    return spaces ? 3 : 0;
  };
  while (const size_t size = blank(text, false)) text.remove_prefix(size);
  while (const size_t size = blank(text, true)) text.remove_suffix(size);
  return text;
}

Manifest read_manifest(std::string_view document) {
  const Json body = read_json(document);
  if (body.kind != Json::Kind::object) refuse("there is no object");
  const Json& made = member(body, "format");
  if (made.kind != Json::Kind::number || made.number != format)
    refuse("the format is not " + std::to_string(format) + ", the one that this version reads");
  Manifest manifest;
  manifest.task = text(body, "task");
  manifest.labels = texts(member(body, "labels"), "labels");
  const Json& outputs = member(body, "outputs");
  for (const Json& output : outputs.array) manifest.outputs.push_back(text(output, "name"));
  check_outputs(body, manifest, text(body, "target"));
  const Json& inputs = member(body, "inputs");
  if (inputs.kind != Json::Kind::array || inputs.array.empty()) refuse("'inputs' is not a list, or empty");
  for (const Json& input : inputs.array) manifest.inputs.push_back(read_input(input));
  const Json& members = member(body, "members");
  if (members.kind != Json::Kind::object) refuse("'members' is not an object");
  for (const auto& [name, digest] : members.object) {
    if (digest.kind != Json::Kind::string) refuse("'members' is not an object of strings");
    manifest.digests.emplace_back(name, digest.string);
  }
  return manifest;
}

}  // namespace scoring
