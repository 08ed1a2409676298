#include "cell.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "decimal.hpp"

namespace scoring {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double unseen = -1.0;   // scoring.schema.UNSEEN

// What Python's str.strip takes for a blank, as far as that is ASCII.
bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || (c >= '\x1c' && c <= '\x1f'); }

std::string_view stripped(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Whether `word` is `wanted`, which is in lower case, in any case of letters.
bool is_word(std::string_view word, std::string_view wanted) {
  if (word.size() != wanted.size()) return false;
  for (size_t i = 0; i < word.size(); ++i) {
    const char c = word[i];
    if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != wanted[i]) return false;
  }
  return true;
}

template <size_t count>
bool is_one_of(std::string_view word, const std::string_view (&words)[count]) {
  return std::any_of(words, words + count, [word](std::string_view wanted) { return is_word(word, wanted); });
}

constexpr std::string_view yes[] = {"true", "t", "yes", "1", "1.0"};
constexpr std::string_view no[] = {"false", "f", "no", "0", "0.0"};
constexpr std::string_view endless[] = {"inf", "infinity"};

bool is_ascii(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

}  // namespace

CellReader::CellReader(CellKind kind, bool coded, std::vector<std::string> missing, std::vector<double> sentinels,
                       std::vector<std::pair<double, double>> codes, std::vector<std::pair<std::string, double>> words)
    : kind_(kind),
      coded_(coded),
      missing_(std::move(missing)),
      sentinels_(std::move(sentinels)),
      codes_(codes.begin(), codes.end()),
      kept_(std::move(words)) {
  words_.reserve(kept_.size());
  for (const auto& [word, value] : kept_) words_.emplace(word, value);
}

bool CellReader::is_missing(std::string_view word) const {
  return std::any_of(missing_.begin(), missing_.end(), [word](const std::string& token) { return token == word; });
}

bool CellReader::is_sentinel(double value) const {
  return !sentinels_.empty() && std::find(sentinels_.begin(), sentinels_.end(), value) != sentinels_.end();
}

void CellReader::encode(double& value) const {
  if (!coded_ || value != value) return;
  const auto found = codes_.find(value);
  value = found == codes_.end() ? unseen : found->second;
}

bool CellReader::find_word(std::string_view word, double& out) const {
  const auto found = words_.find(word);
  if (found == words_.end()) return false;
  out = found->second;
  return true;
}

bool CellReader::plain_string(std::string_view word, double& out) const {
  if (kind_ == CellKind::number) {
    if (read_decimal(word, out)) {
      if (is_sentinel(out)) out = nan;
      return std::isfinite(out) || out != out;   // too large for a double
    }
  } else if (kind_ == CellKind::boolean) {
    if (is_missing(word)) {
      out = nan;
      return true;
    }
    if (is_one_of(word, yes)) {
      out = 1.0;
      return true;
    }
    out = 0.0;
    return is_one_of(word, no);
  }
  if (is_missing(word)) {
    out = nan;
    return true;
  }
  if (kind_ != CellKind::number) return false;
  if (is_word(word, "true") || is_word(word, "false")) {
    out = word.size() == 4 ? 1.0 : 0.0;
    return true;
  }
  const bool negative = !word.empty() && word.front() == '-';
  if (negative || (!word.empty() && word.front() == '+')) word.remove_prefix(1);
  if (!is_one_of(word, endless)) return false;
  out = negative ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
  if (is_sentinel(out)) out = nan;
  return true;
}

bool CellReader::string(std::string_view text, double& out) const {
  if (kind_ == CellKind::text) {
    if (find_word(text, out)) return true;
    if (!is_ascii(text)) return false;   // there may be blanks around it that are not ASCII
    if (!find_word(stripped(text), out)) out = unseen;
    return true;
  }
  if (!plain_string(stripped(text), out)) return false;
  encode(out);
  return true;
}

bool CellReader::truth(bool value, double& out) const {
  if (kind_ == CellKind::time) return false;
  if (kind_ == CellKind::text) {
    if (!find_word(value ? "true" : "false", out)) out = unseen;
    return true;
  }
  out = value ? 1.0 : 0.0;
  encode(out);
  return true;
}

bool CellReader::number(double value, double& out) const {
  out = value != value ? nan : value;
  switch (kind_) {
    case CellKind::number:
      if (is_sentinel(value)) out = nan;
      break;
    case CellKind::boolean:
      if (value != value) break;
      if (value != 1.0 && (value != 0.0 || std::signbit(value))) return false;
      break;
    case CellKind::text: {
      if (value != value) return true;
      if (!std::isfinite(value)) return false;
      char text[decimal_room];
      const char* const end = write_decimal(value, text);
      if (!find_word({text, static_cast<size_t>(end - text)}, out)) out = unseen;
      return true;
    }
    case CellKind::time: return !std::isinf(value);
  }
  encode(out);
  return true;
}

bool CellReader::whole(std::string_view token, double value, double& out) const {
  if (kind_ != CellKind::text) return number(value, out);
  if (token == "-0") return false;
  if (!find_word(token, out)) out = unseen;
  return true;
}

}  // namespace scoring
