#include "graph.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>

#include "fault.hpp"
#include "kernel.hpp"
#include "program.hpp"

namespace scoring {

namespace {

constexpr int64_t max_shares = int64_t{1} << 26;   // half a GB of doubles

// Where a column is while the graph runs: an input, or a slot of the working memory.
struct Place {
  int32_t index = 0;
  bool slot = false;
};

struct Step {   // a node that is needed
  const Node* node = nullptr;
  std::vector<Place> of;
  std::vector<int32_t> into;   // slot of each of its columns, -1 for one that nobody needs
};

}  // namespace

struct Graph::Body {
  std::shared_ptr<const Program> program;
  std::vector<uint8_t> wanted;   // per feature
  std::vector<Step> steps;
  std::vector<Place> outputs;   // per feature
  std::vector<int32_t> inputs_read;
  int32_t slots = 0;
  bool identity = false;
  mutable std::atomic<const std::vector<double>*> shares{nullptr};

  ~Body() { delete shares.load(); }

  void plan();
  std::vector<double> work_out_shares() const;
};

// Keeps the nodes that reach a wanted feature, and gives their columns slots; a slot is used again after its last reader.
void Graph::Body::plan() {
  const Program& from = *program;
  const auto inputs = static_cast<int32_t>(from.inputs.size());
  const auto count = static_cast<int32_t>(from.nodes.size());
  constexpr int32_t never = -1;
  std::vector<int32_t> last_reader(from.columns, never);   // `count` for a feature: kept to the end
  for (size_t f = 0; f < from.outputs.size(); ++f) {
    if (wanted[f]) last_reader[from.outputs[f]] = count;
  }
  std::vector<uint8_t> live(count, 0);
  for (int32_t n = count - 1; n >= 0; --n) {
    const Node& node = from.nodes[n];
    for (int32_t k = 0; k < node.width; ++k) live[n] |= last_reader[node.column + k] != never;
    if (!live[n]) continue;
    for (const int32_t column : node.of) last_reader[column] = std::max(last_reader[column], n);
  }
  for (int32_t i = 0; i < inputs; ++i) {
    if (last_reader[i] != never) inputs_read.push_back(i);
  }

  std::vector<int32_t> slot_of(from.columns, -1), free;
  const auto place = [&](int32_t column) { return column < inputs ? Place{column, false} : Place{slot_of[column], true}; };
  for (int32_t n = 0; n < count; ++n) {
    if (!live[n]) continue;
    const Node& node = from.nodes[n];
    Step& step = steps.emplace_back();
    step.node = &node;
    for (const int32_t column : node.of) step.of.push_back(place(column));
    for (int32_t k = 0; k < node.width; ++k) {   // before the operands' slots are freed: a result never overlaps an operand
      int32_t slot = -1;
      if (last_reader[node.column + k] != never) {
        if (free.empty()) {
          slot = slots++;
        } else {
          slot = free.back();
          free.pop_back();
        }
        slot_of[node.column + k] = slot;
      }
      step.into.push_back(slot);
    }
    for (const int32_t column : node.of) {
      if (column < inputs || last_reader[column] != n) continue;
      last_reader[column] = never;   // an operand may stand twice
      free.push_back(slot_of[column]);
    }
  }
  identity = from.outputs.size() == from.inputs.size();
  for (size_t f = 0; f < from.outputs.size(); ++f) {
    outputs.push_back(wanted[f] ? place(from.outputs[f]) : Place{});
    identity = identity && from.outputs[f] == static_cast<int32_t>(f);
  }
}

std::vector<double> Graph::Body::work_out_shares() const {
  const Program& from = *program;
  const size_t inputs = from.inputs.size(), features = from.outputs.size();
  if (static_cast<int64_t>(inputs) * static_cast<int64_t>(features) > max_shares) {
    throw Fault("features.json: too many inputs times features for contributions of the inputs; ask for those of the features");
  }
  std::vector<double> shares(inputs * features, 0.0);
  std::vector<double> held(from.columns);
  for (size_t f = 0; f < features; ++f) {   // from the feature back to the inputs
    std::fill(held.begin(), held.end(), 0.0);
    held[from.outputs[f]] = 1.0;
    for (size_t n = from.nodes.size(); n-- > 0;) {
      const Node& node = from.nodes[n];
      if (node.column > from.outputs[f]) continue;
      const size_t operands = node.of.size();
      for (int32_t k = 0; k < node.width; ++k) {
        const double part = held[node.column + k];
        if (part == 0.0) continue;
        const double* weights = node.op == Op::project ? &node.weights[k * operands] : nullptr;
        double largest = 0.0, sum = 0.0;   // divided by the largest first: no sum of finite weights overflows
        for (size_t j = 0; weights && j < operands; ++j) largest = std::max(largest, std::fabs(weights[j]));
        for (size_t j = 0; largest > 0.0 && j < operands; ++j) sum += std::fabs(weights[j]) / largest;
        for (size_t j = 0; j < operands; ++j) {
          held[node.of[j]] += part * (sum > 0.0 ? std::fabs(weights[j]) / largest / sum : 1.0 / static_cast<double>(operands));
        }
      }
    }
    std::copy_n(held.begin(), inputs, shares.begin() + static_cast<int64_t>(f * inputs));
  }
  return shares;
}

Graph::Graph(std::string_view json) : body_(std::make_unique<Body>()) {
  body_->program = std::make_shared<const Program>(read_program(json));
  body_->wanted.assign(body_->program->outputs.size(), 1);
  body_->plan();
}

Graph::Graph(const Graph& whole, const std::vector<int32_t>& wanted) : body_(std::make_unique<Body>()) {
  body_->program = whole.body_->program;
  body_->wanted.assign(body_->program->outputs.size(), 0);
  for (const int32_t feature : wanted) body_->wanted.at(feature) = 1;
  body_->plan();
}

Graph::~Graph() = default;

int32_t Graph::inputs() const { return static_cast<int32_t>(body_->program->inputs.size()); }
int32_t Graph::features() const { return static_cast<int32_t>(body_->program->outputs.size()); }
bool Graph::identity() const { return body_->identity; }
const std::vector<int32_t>& Graph::inputs_read() const { return body_->inputs_read; }
const std::vector<std::string>& Graph::input_names() const { return body_->program->inputs; }
const std::vector<std::string>& Graph::feature_names() const { return body_->program->names; }
int32_t Graph::row_size() const { return body_->slots; }

const std::vector<double>& Graph::shares() const {
  // Not std::call_once: a process forked in the middle of it would wait for ever. Two threads may both do the work; one result stays.
  const std::vector<double>* found = body_->shares.load(std::memory_order_acquire);
  if (!found) {
    auto made = std::make_unique<const std::vector<double>>(body_->work_out_shares());
    if (body_->shares.compare_exchange_strong(found, made.get(), std::memory_order_acq_rel)) found = made.release();
  }
  return *found;
}

void Graph::row(const double* x, double* features, double* memory) const {
  const auto value = [x, memory](Place place) { return place.slot ? memory[place.index] : x[place.index]; };
  for (const Step& step : body_->steps) {
    const Node& node = *step.node;
    switch (node.op) {
      case Op::add:
      case Op::sub:
      case Op::mul:
      case Op::div: memory[step.into[0]] = arithmetic(node.op, value(step.of[0]), node.by ? node.value : value(step.of[1])); break;
      case Op::project: {
        const size_t operands = step.of.size();
        for (const int32_t slot : step.into) {
          if (slot >= 0) memory[slot] = 0.0;
        }
        for (size_t j = 0; j < operands; ++j) {
          const double z = standardized(value(step.of[j]), node.fill[j], node.center[j], node.scale[j]);
          for (size_t k = 0; k < step.into.size(); ++k) {
            if (step.into[k] >= 0) memory[step.into[k]] += z * node.weights[k * operands + j];
          }
        }
        break;
      }
      default: memory[step.into[0]] = unary(node, value(step.of[0]));
    }
  }
  for (size_t f = 0; f < body_->outputs.size(); ++f) features[f] = body_->wanted[f] ? value(body_->outputs[f]) : missing_value;
}

void Graph::block(const double* const* columns, double* memory, const double** features, int rows) const {
  const auto column = [columns, memory](Place place) -> const double* {
    return place.slot ? memory + static_cast<int64_t>(place.index) * block_rows : columns[place.index];
  };
  const Kernel& kernel = scoring::kernel();
  const auto into = [memory](int32_t slot) { return memory + static_cast<int64_t>(slot) * block_rows; };
  for (const Step& step : body_->steps) {
    const Node& node = *step.node;
    switch (node.op) {
      case Op::add:
      case Op::sub:
      case Op::mul:
      case Op::div:
        kernel.arithmetic(node.op, column(step.of[0]), node.by ? nullptr : column(step.of[1]), node.value, into(step.into[0]),
                          rows);
        break;
      case Op::project: {
        const size_t operands = step.of.size();
        alignas(64) double z[block_rows];
        for (const int32_t slot : step.into) {
          if (slot >= 0) std::fill_n(into(slot), rows, 0.0);
        }
        for (size_t j = 0; j < operands; ++j) {
          kernel.standardize(column(step.of[j]), node.fill[j], node.center[j], node.scale[j], z, rows);
          for (size_t k = 0; k < step.into.size(); ++k) {
            if (step.into[k] >= 0) kernel.weigh(z, node.weights[k * operands + j], into(step.into[k]), rows);
          }
        }
        break;
      }
      default: kernel.unary(node, column(step.of[0]), into(step.into[0]), rows);
    }
  }
  for (size_t f = 0; f < body_->outputs.size(); ++f) features[f] = body_->wanted[f] ? column(body_->outputs[f]) : nullptr;
}

}  // namespace scoring
