// Cells on the wire to the doubles that the engine takes. Only what is plain is read here, with exactly the meaning that
// scoring.reader gives it; everything else is left to that module, which also words the errors.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace scoring {

enum class CellKind : uint8_t { number, boolean, text, time };

// Reads the cells of one field; false where a cell is not plain. Never changes: may be shared by threads.
class CellReader {
 public:
  // `missing` are tokens without blanks around them, `sentinels` the numbers that mean missing, `codes` what a number stands for
  // where the field has categories (`coded`), `words` the table of whole cells of a text field; all text is UTF-8.
  CellReader(CellKind kind, bool coded, std::vector<std::string> missing, std::vector<double> sentinels,
             std::vector<std::pair<double, double>> codes, std::vector<std::pair<std::string, double>> words);
  CellReader(const CellReader&) = delete;   // the table's keys point into `kept_`
  CellReader& operator=(const CellReader&) = delete;

  bool string(std::string_view text, double& out) const;
  bool truth(bool value, double& out) const;
  bool number(double value, double& out) const;
  // A JSON number without point and exponent, as it is written.
  bool whole(std::string_view token, double value, double& out) const;

 private:
  bool is_missing(std::string_view word) const;
  bool is_sentinel(double value) const;
  bool plain_string(std::string_view word, double& out) const;
  bool find_word(std::string_view word, double& out) const;
  void encode(double& value) const;

  CellKind kind_;
  bool coded_;
  std::vector<std::string> missing_;
  std::vector<double> sentinels_;
  std::unordered_map<double, double> codes_;
  std::vector<std::pair<std::string, double>> kept_;
  std::unordered_map<std::string_view, double> words_;
};

}  // namespace scoring
