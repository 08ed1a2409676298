#include "pipeline.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <exception>
#include <map>
#include <new>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "archive.hpp"
#include "fault.hpp"
#include "instant.hpp"
#include "manifest.hpp"
#include "scoring.h"

namespace {

using scoring::CellKind;
using scoring::Fault;

constexpr const char* needed[] = {"features.json", "forest-0.txt", "baseline.json", "samples.json"};
constexpr const char* manifest_name = "manifest.json";

void report(const char* message, char* error, size_t size) noexcept {
  if (error == nullptr || size == 0) return;
  const size_t length = std::min(std::strlen(message), size - 1);
  std::memcpy(error, message, length);
  error[length] = '\0';
}

// Runs `body`; 0 when it returns, otherwise 1 and the message.
template <class Body>
int guarded(char* error, size_t size, Body&& body) noexcept {
  try {
    body();
    return 0;
  } catch (const std::bad_alloc&) {
    report("out of memory", error, size);
  } catch (const std::exception& fault) {
    report(fault.what(), error, size);
  } catch (...) {
    report("unknown error", error, size);
  }
  return 1;
}

[[noreturn]] void refuse(const std::string& what) { throw Fault("the artifact is refused: " + what); }

}  // namespace

struct scorer {
  std::string text;   // of the manifest
  scoring::Manifest manifest;
  std::map<std::string, std::string> members;
  scoring_pipeline* engine = nullptr;

  scorer() = default;
  scorer(const scorer&) = delete;
  scorer& operator=(const scorer&) = delete;
  ~scorer() { scoring_close(engine); }

  const scoring::InputField& field(int input) const { return manifest.inputs[static_cast<size_t>(input)]; }
  bool binomial() const { return manifest.task == "binomial"; }

  void read(std::string_view data) {
    members = scoring::read_archive(data);
    const auto found = members.find(manifest_name);
    if (found == members.end()) refuse("it has no member 'manifest.json'");
    text = std::move(found->second);
    members.erase(found);
    manifest = scoring::read_manifest(text);
    for (const char* name : needed) {
      if (members.count(name) == 0) refuse("it has no member '" + std::string(name) + "'");
    }
    std::set<std::string> named;
    for (const auto& [name, digest] : manifest.digests) named.insert(name);
    if (members.size() != std::size(needed) || named.size() != std::size(needed) || manifest.digests.size() != std::size(needed))
      refuse("its members are not those that its manifest has digests of");
    for (const auto& [name, body] : members) {
      if (named.count(name) == 0) refuse("its manifest has no digest of '" + name + "'");
    }
  }

  void open() {
    const std::string& graph = members.at(needed[0]);
    const std::string& forest = members.at(needed[1]);
    char why[512] = "";
    engine = scoring_open(graph.data(), graph.size(), forest.data(), forest.size(), why, sizeof why);
    if (engine == nullptr) refuse(why);
    check();
    members.clear();
  }

  void check() const {
    std::set<std::string_view> seen;
    if (static_cast<size_t>(scoring_inputs(engine)) != manifest.inputs.size())
      refuse("the inputs of its manifest are not those of 'features.json'");
    for (int32_t i = 0; i < scoring_inputs(engine); ++i) {
      const char* const name = scoring_input_name(engine, i);
      if (name == nullptr || field(i).name != name) refuse("the inputs of its manifest are not those of 'features.json'");
      if (!seen.insert(field(i).name).second) refuse("its manifest names an input twice");
    }
    const size_t wanted = manifest.task == "multinomial" ? manifest.labels.size() : 1;
    if (static_cast<size_t>(scoring_outputs(engine)) != wanted)
      refuse("the forest has " + std::to_string(scoring_outputs(engine)) + " outputs, which does not fit the task " + manifest.task);
  }

  bool instant(std::string_view cell, double& value) const {
    return scoring::read_instant(scoring::without_blanks(cell), value);
  }

  bool read_text(int input, std::string_view cell, double& value) const {
    const scoring::InputField& from = field(input);
    if (from.reader->string(cell, value)) return true;
    const std::string_view bare = scoring::without_blanks(cell);
    if (from.kind == CellKind::time) return from.reader->string(bare, value) || instant(bare, value);
    if (from.reader->string(bare, value)) return true;
    if (from.kind != CellKind::text) return false;
    value = -1.0;   // an unseen category, with letters beyond ASCII
    return true;
  }
};

scorer* scorer_read(const void* data, size_t size, char* error, size_t error_size) {
  scorer* made = nullptr;
  const int failed = guarded(error, error_size, [&] {
    made = new scorer;
    made->read({static_cast<const char*>(data), size});
  });
  if (!failed) return made;
  delete made;
  return nullptr;
}

void scorer_close(scorer* opened) { delete opened; }

int scorer_members(const scorer* opened) { return static_cast<int>(opened->manifest.digests.size()); }

const void* scorer_member(const scorer* opened, int number, size_t* size, const char** name, const char** sha256) {
  const auto& [member, digest] = opened->manifest.digests[static_cast<size_t>(number)];
  const auto found = opened->members.find(member);
  *name = member.c_str();
  *sha256 = digest.c_str();
  *size = found == opened->members.end() ? 0 : found->second.size();
  return found == opened->members.end() ? nullptr : found->second.data();
}

int scorer_open(scorer* opened, char* error, size_t error_size) {
  return guarded(error, error_size, [&] { opened->open(); });
}

const char* scorer_manifest(const scorer* opened, size_t* size) {
  *size = opened->text.size();
  return opened->text.data();
}

const char* scorer_task(const scorer* opened) { return opened->manifest.task.c_str(); }
int scorer_inputs(const scorer* opened) { return static_cast<int>(opened->manifest.inputs.size()); }

const char* scorer_input(const scorer* opened, int input, int* kind, int* plain) {
  const scoring::InputField& field = opened->field(input);
  if (kind != nullptr) {
    switch (field.kind) {
      case CellKind::number: *kind = SCORER_NUMBER; break;
      case CellKind::boolean: *kind = SCORER_BOOLEAN; break;
      case CellKind::text: *kind = SCORER_TEXT; break;
      case CellKind::time: *kind = SCORER_TIME; break;
    }
  }
  if (plain != nullptr) *plain = field.plain;
  return field.name.c_str();
}

int scorer_outputs(const scorer* opened) { return static_cast<int>(opened->manifest.outputs.size()); }
const char* scorer_output(const scorer* opened, int output) { return opened->manifest.outputs[static_cast<size_t>(output)].c_str(); }
const char* scorer_label(const scorer* opened, int output) {
  const auto& labels = opened->manifest.labels;
  return static_cast<size_t>(output) < labels.size() ? labels[static_cast<size_t>(output)].c_str() : nullptr;
}
int scorer_groups(const scorer* opened) { return scoring_outputs(opened->engine); }

int scorer_parts(const scorer* opened, int original) {
  if (!scoring_has_counts(opened->engine)) return 0;
  return (original ? scoring_inputs(opened->engine) : scoring_features(opened->engine)) + 1;
}

const char* scorer_part(const scorer* opened, int original, int part) {
  const char* const name = original ? scoring_input_name(opened->engine, part) : scoring_feature_name(opened->engine, part);
  return name == nullptr ? "bias" : name;
}

int scorer_text_cell(const scorer* opened, int input, const char* text, size_t size, double* value) {
  bool read = false;
  return guarded(nullptr, 0, [&] { read = opened->read_text(input, {text, size}, *value); }) || !read;
}

int scorer_number_cell(const scorer* opened, int input, double number, double* value) {
  const scoring::InputField& field = opened->field(input);
  if (field.kind == CellKind::text && std::isinf(number)) {
    const std::string_view word = number > 0 ? "Infinity" : "-Infinity";
    return scorer_text_cell(opened, input, word.data(), word.size(), value);
  }
  if (field.kind == CellKind::boolean && number == 0.0) number = 0.0;   // and not -0.0
  return !field.reader->number(number, *value);
}

int scorer_whole_cell(const scorer* opened, int input, int64_t number, double* value) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  const std::string_view token(digits, static_cast<size_t>(end - digits));
  return !opened->field(input).reader->whole(token, static_cast<double>(number), *value);
}

int scorer_truth_cell(const scorer* opened, int input, int truth, double* value) {
  return !opened->field(input).reader->truth(truth != 0, *value);
}

double scorer_seconds(int64_t microseconds) {
  constexpr __int128 between = 946684800000000;   // from 1970 to 2000
  return scoring::nearest_ratio(between + microseconds, 1000000);
}

int scorer_row(const scorer* opened, const double* row, double* out, char* error, size_t error_size) {
  if (!opened->binomial()) return scoring_row(opened->engine, row, 0, out, error, error_size);
  if (scoring_row(opened->engine, row, 0, out + 1, error, error_size)) return 1;
  out[0] = 1.0 - out[1];
  return 0;
}

int scorer_batch(const scorer* opened, const double* rows, int64_t count, double* out, char* error, size_t error_size) {
  const auto width = static_cast<int64_t>(opened->manifest.inputs.size() * sizeof(double));
  const scoring_matrix matrix{rows, count, width, sizeof(double), SCORING_FLOAT64};
  if (scoring_predict(opened->engine, &matrix, 0, 1, out, error, error_size)) return 1;
  if (opened->binomial()) {
    for (int64_t i = count - 1; i >= 0; --i) {   // from the back, so that nothing is overwritten before it is read
      const double second = out[i];
      out[2 * i] = 1.0 - second;
      out[2 * i + 1] = second;
    }
  }
  return 0;
}

int scorer_contributions(const scorer* opened, const double* row, int original, double* out, char* error, size_t error_size) {
  const auto width = static_cast<int64_t>(opened->manifest.inputs.size() * sizeof(double));
  const scoring_matrix matrix{row, 1, width, sizeof(double), SCORING_FLOAT64};
  return scoring_contributions(opened->engine, &matrix, original, 1, out, error, error_size);
}
