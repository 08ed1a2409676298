// One tree of LightGBM's text format: its lines gathered by key, then read and checked.
#pragma once
#include <string>
#include <string_view>

#include "model.hpp"

namespace scoring {

class TreeText {
 public:
  explicit TreeText(int32_t number) : number_(number) {}

  // Notes one `key=value` line; keys that scoring does not need are passed over. Throws Fault on a key given twice.
  void add(std::string_view key, std::string_view value);

  // Throws Fault naming this tree and the key that is wrong.
  Tree read(int32_t features) const;

  enum Key : int {
    num_leaves, num_cat, split_feature, threshold, decision_type, left_child, right_child, leaf_value,
    leaf_count, internal_count, cat_boundaries, cat_threshold, is_linear, key_count
  };

 private:
  [[noreturn]] void fail(Key key, const std::string& what) const;
  int64_t integer(Key key, int64_t low, int64_t high) const;
  template <class Element, class Check>
  std::vector<Element> array(Key key, size_t length, Check check) const;
  std::vector<double> counts(Key key, size_t length) const;
  void read_sets(Tree& tree) const;
  void check_shape(const Tree& tree) const;

  int32_t number_;
  std::string_view values_[key_count];
  bool present_[key_count] = {};
};

}  // namespace scoring
