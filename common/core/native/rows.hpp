// Rows of cells as a body has them, JSON arrays or lines of CSV, straight to the matrix that the engine takes.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "cell.hpp"

namespace scoring {

// Where the array `rows` of a JSON object stands, and how many arrays it holds.
struct RowsSpan {
  size_t first, last;   // of its bytes, brackets included
  int64_t rows;
};

// False if the text is not an object that has one member `rows` which is an array of flat arrays, as far as brackets and quotes tell.
bool find_rows(std::string_view body, RowsSpan& span);

// A place in the rows: who reads its cells and for which input; nobody for a cell that only has to be one.
struct RowPlace {
  const CellReader* reader = nullptr;
  int32_t input = -1;
};

// Reads rows whose cells stand at certain places. Rows of `out` have `inputs` doubles, and NaN stands there where nothing is read.
class RowReader {
 public:
  RowReader(std::vector<RowPlace> places, int32_t inputs) : places_(std::move(places)), inputs_(inputs) {}

  int32_t inputs() const { return inputs_; }

  // An array of arrays, as `find_rows` gives it; false if something in it is not plain. `wide` tells that there are bytes beyond
  // ASCII, of which nobody has checked that they are UTF-8.
  bool json(std::string_view text, int64_t rows, double* out, bool& wide) const;

  // Lines without quotes; empty ones do not count.
  static int64_t count_lines(std::string_view text);
  bool csv(std::string_view text, double* out) const;

 private:
  std::vector<RowPlace> places_;
  int32_t inputs_;
};

}  // namespace scoring
