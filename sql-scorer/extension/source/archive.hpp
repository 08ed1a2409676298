// An artifact's zip: only plain ones within limits are read, by the rules of scoring.archive.
#pragma once
#include <map>
#include <string>
#include <string_view>

namespace scoring {

// The members by name. Throws Fault saying why the zip is refused.
std::map<std::string, std::string> read_archive(std::string_view data);

}  // namespace scoring
