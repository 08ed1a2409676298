// LightGBM's text format, versions v3 and v4: a header of `key=value` lines, blocks that begin with `Tree=`, then
// `end of trees` and sections that scoring does not need (importances, training parameters, pandas categories).
#include "model.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <optional>

#include "fault.hpp"
#include "model_tree.hpp"
#include "numbers.hpp"
#include "objective.hpp"

namespace scoring {
namespace {

class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  // The next line without its end (\n or \r\n); false at the end of the text.
  bool next(std::string_view& line) {
    if (rest_.empty()) return false;
    const size_t end = std::min(rest_.find('\n'), rest_.size());
    line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    return true;
  }

 private:
  std::string_view rest_;
};

bool starts_with(std::string_view text, std::string_view start) { return text.substr(0, start.size()) == start; }

class Header {
 public:
  void add(std::string_view line) {
    const size_t equals = line.find('=');
    const std::string_view key = line.substr(0, equals);
    const std::string_view value = equals == std::string_view::npos ? std::string_view() : line.substr(equals + 1);
    if (!keys_.emplace(key, value).second) throw Fault("the model's header: " + std::string(key) + " is given twice");
  }

  std::optional<std::string_view> find(std::string_view key) const {
    const auto found = keys_.find(key);
    return found == keys_.end() ? std::nullopt : std::optional(found->second);
  }

  std::string_view text(std::string_view key) const {
    const auto found = find(key);
    if (!found) throw Fault("the model's header: " + std::string(key) + " is missing; is this a LightGBM model in text format?");
    return *found;
  }

  int32_t integer(std::string_view key, int32_t low, int32_t high) const {
    int64_t value = 0;
    if (!whole(text(key), value) || value < low || value > high) {
      throw Fault("the model's header: " + std::string(key) + " is not a whole number from " + std::to_string(low) + " to " +
                  std::to_string(high));
    }
    return static_cast<int32_t>(value);
  }

 private:
  std::map<std::string_view, std::string_view> keys_;
};

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> found;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    if (end > 0) found.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return found;
}

void check_version(const Header& header) {
  const std::string_view version = header.text("version");
  if (version != "v3" && version != "v4") {
    throw Fault("the model's header: version is '" + std::string(version.substr(0, 16)) + "'; v3 and v4 are supported");
  }
}

void read_header(const Header& header, Model& model) {
  check_version(header);
  constexpr int32_t most = std::numeric_limits<int32_t>::max();
  model.features = header.integer("max_feature_idx", 0, most - 1) + 1;
  model.outputs = header.integer("num_tree_per_iteration", 1, most);
  model.average = header.find("average_output").has_value();
  model.feature_names = words(header.text("feature_names"));
  if (model.feature_names.size() != static_cast<size_t>(model.features)) {
    throw Fault("the model's header: feature_names has " + std::to_string(model.feature_names.size()) +
                " names where max_feature_idx asks for " + std::to_string(model.features));
  }
  model.objective = read_objective(header.find("objective").value_or(std::string_view()), model.outputs);
}

// Text that ends early must not pass for a smaller model: the header's list of tree sizes, or the closing line, tells.
void check_complete(const Header& header, const Model& model, bool closed) {
  const size_t trees = model.trees.size();
  if (const auto sizes = header.find("tree_sizes")) {
    const size_t declared = words(*sizes).size();
    if (declared != trees) {
      throw Fault("the model's header: tree_sizes lists " + std::to_string(declared) + " trees but the text holds " +
                  std::to_string(trees) + "; it may be cut short");
    }
  } else if (!closed) {
    throw Fault("the model's text has no 'end of trees'; it may be cut short");
  }
  if (trees == 0) throw Fault("the model has no trees");
  if (trees % static_cast<size_t>(model.outputs) != 0) {
    throw Fault("the model's header: num_tree_per_iteration is " + std::to_string(model.outputs) + ", which does not divide the " +
                std::to_string(trees) + " trees");
  }
}

}  // namespace

Model read_model(std::string_view text) {
  if (text.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max())) throw Fault("the model's text is larger than 2 GB");
  Lines lines(text);
  std::string_view line;
  bool more = lines.next(line);
  if (!more || line != "tree") throw Fault("the model's text does not begin with the line 'tree'; it is not a LightGBM model");
  Header header;
  while ((more = lines.next(line)) && !starts_with(line, "Tree=") && line != "end of trees") {
    if (!line.empty()) header.add(line);
  }
  Model model;
  read_header(header, model);
  while (more && starts_with(line, "Tree=")) {
    if (model.trees.size() == static_cast<size_t>(std::numeric_limits<int32_t>::max())) throw Fault("the model has too many trees");
    TreeText tree(static_cast<int32_t>(model.trees.size()));
    while ((more = lines.next(line)) && !starts_with(line, "Tree=") && line != "end of trees") {
      const size_t equals = line.find('=');
      if (equals != std::string_view::npos) tree.add(line.substr(0, equals), line.substr(equals + 1));
    }
    model.trees.push_back(tree.read(model.features));
  }
  check_complete(header, model, more);
  return model;
}

}  // namespace scoring
