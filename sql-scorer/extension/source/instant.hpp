// Text of a Time64 cell to seconds since 1970-01-01T00:00:00Z, by the rules of scoring.instant.
#pragma once
#include <cstdint>
#include <string_view>

namespace scoring {

// False if the text is no ISO 8601 date or date-time in the extended format. Without a zone it is UTC.
bool read_instant(std::string_view text, double& seconds);

// The double nearest to above / below, for below up to 2^30 and quotients below 2^62.
double nearest_ratio(__int128 above, int64_t below);

}  // namespace scoring
