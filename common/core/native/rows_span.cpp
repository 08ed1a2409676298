// Finding the array `rows` in a JSON object without reading it.
#include "rows.hpp"

namespace scoring {

namespace {

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

const char* after_space(const char* at, const char* end) {
  while (at != end && is_space(*at)) ++at;
  return at;
}

// From behind a quotation mark to behind the one that ends the string; null if none does.
const char* after_string(const char* at, const char* end) {
  for (; at != end; ++at) {
    if (*at == '"') return at + 1;
    if (*at == '\\' && ++at == end) return nullptr;
  }
  return nullptr;
}

// From the start of a value to its end; null if it has none.
const char* after_value(const char* at, const char* end) {
  int64_t depth = 0;
  while (at != end) {
    const char c = *at;
    if (c == '"') {
      at = after_string(at + 1, end);
      if (!at) return nullptr;
      if (depth == 0) return at;
      continue;
    }
    if (c == '[' || c == '{') {
      ++depth;
    } else if (c == ']' || c == '}') {
      if (depth == 0) return at;   // the end of what the value is in
      if (--depth == 0) return at + 1;
    } else if (depth == 0 && (c == ',' || is_space(c))) {
      return at;
    }
    ++at;
  }
  return nullptr;
}

// From an array's opening bracket to behind its end, counting the arrays in it; null if it holds more than flat arrays.
const char* after_rows(const char* at, const char* end, int64_t& rows) {
  int depth = 0;
  for (; at != end; ++at) {
    switch (*at) {
      case '"':
        at = after_string(at + 1, end);
        if (!at) return nullptr;
        --at;
        break;
      case '[':
        if (++depth > 2) return nullptr;
        if (depth == 2) ++rows;
        break;
      case ']':
        if (--depth == 0) return at + 1;
        break;
      case '{': return nullptr;
      default: break;
    }
  }
  return nullptr;
}

}  // namespace

bool find_rows(std::string_view body, RowsSpan& span) {
  const char* const begin = body.data();
  const char* const end = begin + body.size();
  const char* at = after_space(begin, end);
  if (at == end || *at != '{') return false;
  bool found = false;
  for (;;) {
    at = after_space(at + 1, end);
    if (at == end || *at != '"') return false;
    const char* const key = at + 1;
    at = after_string(key, end);
    if (!at) return false;
    const std::string_view name(key, static_cast<size_t>(at - 1 - key));
    if (name.find('\\') != std::string_view::npos) return false;   // it may spell `rows`
    at = after_space(at, end);
    if (at == end || *at != ':') return false;
    at = after_space(at + 1, end);
    if (at == end) return false;
    if (name == "rows") {
      if (found || *at != '[') return false;
      found = true;
      span = {static_cast<size_t>(at - begin), 0, 0};
      at = after_rows(at, end, span.rows);
      if (at) span.last = static_cast<size_t>(at - begin);
    } else {
      at = after_value(at, end);
    }
    if (!at) return false;
    at = after_space(at, end);
    if (at == end) return false;
    if (*at == '}') return found;
    if (*at != ',') return false;
  }
}

}  // namespace scoring
