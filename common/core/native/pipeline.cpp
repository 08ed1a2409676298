#include "pipeline.hpp"

#include <algorithm>
#include <atomic>
#include <limits>
#include <new>
#include <utility>

#include "contribution.hpp"
#include "fault.hpp"
#include "forest.hpp"
#include "free_list.hpp"
#include "graph.hpp"
#include "isa.hpp"
#include "model.hpp"
#include "pool.hpp"

namespace scoring {

namespace {

constexpr int64_t few_rows = 4;   // transformed row by row: a block's columns are not worth laying out

// Zeroed doubles on a cache line's border. Zeroed, because a block that is not full is computed to its end.
class Doubles {
 public:
  explicit Doubles(int64_t count)
      : data_(static_cast<double*>(::operator new(static_cast<size_t>(std::max<int64_t>(count, 1)) * sizeof(double), line))) {
    std::fill_n(data_, std::max<int64_t>(count, 1), 0.0);
  }
  ~Doubles() { ::operator delete(data_, line); }
  Doubles(const Doubles&) = delete;
  Doubles& operator=(const Doubles&) = delete;
  double* get() const { return data_; }

 private:
  static constexpr std::align_val_t line{64};
  double* data_;
};

// Memory to run a graph over a block.
struct Block {
  // A line more than the block: columns a page apart would all fall into the same set of the first-level cache.
  static constexpr int64_t spacing = block_rows + 8;

  Doubles gathered, memory;
  std::vector<double*> columns;   // of each input, null for one that is not read
  std::vector<const double*> features;

  explicit Block(const Graph& graph)
      : gathered(static_cast<int64_t>(graph.inputs_read().size()) * spacing),
        memory(static_cast<int64_t>(graph.row_size()) * block_rows),
        columns(graph.inputs(), nullptr),
        features(graph.features(), nullptr) {
    double* next = gathered.get();
    for (const int32_t input : graph.inputs_read()) {
      columns[input] = next;
      next += spacing;
    }
  }

  void fill(const Graph& graph, const Source& source, int64_t first, int rows) {
    source.gather(first, rows, columns.data());
    graph.block(columns.data(), memory.get(), features.data(), rows);
  }
};

// Memory to run a graph over a row.
struct Row {
  std::vector<double> x, features, memory;
  std::vector<double*> columns;   // into x, null for an input that is not read

  explicit Row(const Graph& graph)
      : x(graph.inputs(), 0.0),
        features(graph.features(), 0.0),
        memory(graph.row_size() + 1, 0.0),
        columns(graph.inputs(), nullptr) {
    for (const int32_t input : graph.inputs_read()) columns[input] = &x[input];
  }

  // The features of row x, which are x itself when the graph changes nothing.
  const double* transform(const Graph& graph, const double* row) {
    if (graph.identity()) return row;
    graph.row(row, features.data(), memory.data());
    return features.data();
  }

  const double* fetch(const Source& source, int64_t row) {
    if (const double* there = source.row(row)) return there;
    source.gather(row, 1, columns.data());
    return x.data();
  }
};

struct Workspace {
  Row row;
  Forest::ScratchPtr scratch;
  std::unique_ptr<Block> block;   // made by the first block: a scorer of single rows never needs it

  Workspace(const Graph& graph, const Forest& forest) : row(graph), scratch(forest.scratch()) {}
};

// What contributions need, made when first asked for.
struct Explainer {
  Contribution contribution;
  std::vector<int64_t> start;                       // feature f: shared[start[f]] .. shared[start[f + 1]]
  std::vector<std::pair<int32_t, double>> shared;   // input and its share

  Explainer(const Model& model, const Graph& graph) : contribution(model), start(1, 0) {
    if (graph.identity()) return;
    const std::vector<double>& shares = graph.shares();
    const int32_t inputs = graph.inputs();
    for (int32_t f = 0; f < graph.features(); ++f) {
      for (int32_t i = 0; i < inputs; ++i) {
        const double share = shares[static_cast<size_t>(f) * inputs + i];
        if (share != 0.0) shared.emplace_back(i, share);
      }
      start.push_back(static_cast<int64_t>(shared.size()));
    }
  }

  // Parts of the features (then the bias) to parts of the inputs (then the bias), one output.
  void share(const double* parts, int32_t features, int32_t inputs, double* out) const {
    std::fill_n(out, inputs, 0.0);
    for (int32_t f = 0; f < features; ++f) {
      for (int64_t s = start[f]; s < start[f + 1]; ++s) out[shared[s].first] += parts[f] * shared[s].second;
    }
    out[inputs] = parts[features];
  }
};

bool carries_counts(const Model& model) {
  return std::all_of(model.trees.begin(), model.trees.end(), [](const Tree& tree) {
    return tree.leaves <= 1 || (!tree.leaf_count.empty() && !tree.internal_count.empty());
  });
}

}  // namespace

struct Pipeline::Body {
  Graph graph;
  Model model;
  Forest forest;
  Graph read;   // the part of the graph that the forest asks for
  bool counts;
  mutable FreeList<Workspace> workspaces;   // for `read`
  mutable FreeList<Row> rows;               // for `graph`
  mutable FreeList<Block> blocks;           // for `graph`
  mutable std::atomic<const Explainer*> explainer{nullptr};

  Body(std::string_view features_json, std::string_view forest_text)
      : graph(features_json),
        model(checked(read_model(forest_text), graph)),
        forest(model),
        read(graph, forest.features_read()),
        counts(carries_counts(model)) {}
  ~Body() { delete explainer.load(); }

  static Model checked(Model model, const Graph& graph) {
    if (model.features != graph.features()) {
      throw Fault("the forest expects " + std::to_string(model.features) + " features, features.json gives " +
                  std::to_string(graph.features()));
    }
    return model;
  }

  FreeList<Workspace>::Loan workspace() const {
    return workspaces.borrow([this] { return std::make_unique<Workspace>(read, forest); });
  }

  void score_row(const double* x, bool raw, double* out, Workspace& workspace) const {
    forest.row(workspace.row.transform(read, x), out, *workspace.scratch);
    if (!raw) convert_outputs(model, out, 1);
  }

  void score(const Source& source, int64_t first, int rows, bool raw, double* out) const {
    const auto space = workspace();
    if (rows < forest.block_from()) {
      for (int r = 0; r < rows; ++r) {
        score_row(space->row.fetch(source, first + r), raw, out + static_cast<int64_t>(r) * model.outputs, *space);
      }
      return;
    }
    if (!space->block) space->block = std::make_unique<Block>(read);
    space->block->fill(read, source, first, rows);
    forest.block(space->block->features.data(), rows, out, *space->scratch);
    if (!raw) convert_outputs(model, out, rows);
  }

  const Explainer& explain() const {
    // Not std::call_once: a process forked in the middle of it would wait for ever. Two threads may both do the work; one result stays.
    const Explainer* found = explainer.load(std::memory_order_acquire);
    if (!found) {
      if (!counts)
        throw Fault(
            "the forest's text carries no leaf_count or internal_count, which contributions are worked out from; save the model "
            "again with LightGBM");
      auto made = std::make_unique<const Explainer>(model, graph);
      if (explainer.compare_exchange_strong(found, made.get(), std::memory_order_acq_rel)) found = made.release();
    }
    return *found;
  }
};

const char* instruction_set() {
  switch (isa()) {
    case Isa::avx512: return "avx512";
    case Isa::avx2: return "avx2";
    default: return "baseline";
  }
}

Pipeline::Pipeline(std::string_view features_json, std::string_view forest_text)
    : body_(std::make_unique<Body>(features_json, forest_text)) {}
Pipeline::~Pipeline() = default;

int32_t Pipeline::inputs() const { return body_->graph.inputs(); }
int32_t Pipeline::features() const { return body_->graph.features(); }
int32_t Pipeline::outputs() const { return body_->model.outputs; }
int32_t Pipeline::trees() const { return static_cast<int32_t>(body_->model.trees.size()); }
int32_t Pipeline::iterations() const { return body_->model.iterations(); }
const std::vector<std::string>& Pipeline::input_names() const { return body_->graph.input_names(); }
const std::vector<std::string>& Pipeline::feature_names() const { return body_->graph.feature_names(); }
const std::string& Pipeline::objective() const { return body_->model.objective.name; }
bool Pipeline::has_counts() const { return body_->counts; }

int64_t Pipeline::parts(bool original) const { return static_cast<int64_t>(outputs()) * ((original ? inputs() : features()) + 1); }

double Pipeline::row_nanoseconds() const { return 50.0 + 3.0 * trees(); }

void Pipeline::row(const double* x, bool raw, double* out) const {
  const auto space = body_->workspace();
  body_->score_row(x, raw, out, *space);
}

void Pipeline::predict(const Source& source, int64_t rows, bool raw, int threads, double* out) const {
  const int64_t blocks = (rows + block_rows - 1) / block_rows;
  parallel(blocks, threads, [&](int64_t block) {
    const int64_t first = block * block_rows;
    const int count = static_cast<int>(std::min<int64_t>(block_rows, rows - first));
    body_->score(source, first, count, raw, out + first * body_->model.outputs);
  });
}

void Pipeline::transform(const Source& source, int64_t rows, int threads, double* out) const {
  const int32_t features = this->features();
  // Every missing value leaves as the same NaN: which one arithmetic makes differs between processors.
  const auto plain = [](double value) { return value != value ? std::numeric_limits<double>::quiet_NaN() : value; };
  if (rows < few_rows) {
    const auto row = body_->rows.borrow([this] { return std::make_unique<Row>(body_->graph); });
    for (int64_t r = 0; r < rows; ++r) {
      const double* found = row->transform(body_->graph, row->fetch(source, r));
      std::transform(found, found + features, out + r * features, plain);
    }
    return;
  }
  const int64_t blocks = (rows + block_rows - 1) / block_rows;
  parallel(blocks, threads, [&](int64_t number) {
    const auto block = body_->blocks.borrow([this] { return std::make_unique<Block>(body_->graph); });
    const int64_t first = number * block_rows;
    const int count = static_cast<int>(std::min<int64_t>(block_rows, rows - first));
    block->fill(body_->graph, source, first, count);
    for (int32_t f = 0; f < features; ++f) {
      const double* column = block->features[f];
      double* to = out + first * features + f;
      for (int r = 0; r < count; ++r) to[static_cast<int64_t>(r) * features] = plain(column[r]);
    }
  });
}

void Pipeline::contributions(const Source& source, int64_t rows, bool original, int threads, double* out) const {
  const Explainer& explainer = body_->explain();
  const Graph& graph = body_->graph;
  const int32_t inputs = graph.inputs(), features = graph.features(), outputs = body_->model.outputs;
  const bool shared = original && !graph.identity();
  const int64_t width = parts(original);
  constexpr int64_t chunk = 16;   // rows worth a thread's while: each costs tens of microseconds
  parallel((rows + chunk - 1) / chunk, threads, [&](int64_t number) {
    const auto row = body_->rows.borrow([&graph] { return std::make_unique<Row>(graph); });
    std::vector<double> all(shared ? parts(false) : 0);
    for (int64_t r = number * chunk; r < std::min(rows, (number + 1) * chunk); ++r) {
      const double* x = row->transform(graph, row->fetch(source, r));
      if (!shared) {
        explainer.contribution.row(x, out + r * width);
        continue;
      }
      explainer.contribution.row(x, all.data());
      for (int32_t k = 0; k < outputs; ++k) {
        explainer.share(&all[static_cast<size_t>(k) * (features + 1)], features, inputs,
                        out + r * width + static_cast<int64_t>(k) * (inputs + 1));
      }
    }
  });
}

}  // namespace scoring
