// Layout by PKWARE's APPNOTE.TXT 6.3: local entries from byte 0 without gaps, the central directory, the end record. Every number
// in the file is taken for hostile: it is compared with what is there before it is used.
#include "archive.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "fault.hpp"

namespace scoring {

namespace {

constexpr uint64_t max_bytes = uint64_t{1} << 30;   // of the file, and of all its members unpacked
constexpr size_t max_members = 64;
constexpr uint64_t max_ratio = 500;                 // text of a forest is at about 5
constexpr uint64_t ratio_free = uint64_t{1} << 20;  // below this size the ratio is no danger
constexpr size_t local_size = 30, central_size = 46, end_size = 22;
constexpr unsigned stored = 0, deflated = 8;
constexpr unsigned encrypted = 0x41, allowed_flags = 0x806;

[[noreturn]] void refuse(const std::string& what) { throw Fault("the artifact is refused: " + what); }

unsigned two(std::string_view data, size_t at) {
  return static_cast<unsigned char>(data[at]) | static_cast<unsigned>(static_cast<unsigned char>(data[at + 1])) << 8;
}
uint64_t four(std::string_view data, size_t at) { return two(data, at) | static_cast<uint64_t>(two(data, at + 2)) << 16; }

struct Entry {
  std::string name;
  unsigned flags, method;
  uint64_t crc, packed, size, offset;
};

struct Directory {
  size_t count, offset, size;
};

Directory find_directory(std::string_view data) {
  const std::string_view first = data.substr(0, 4);
  if (first != std::string_view("PK\3\4", 4) && first != std::string_view("PK\5\6", 4)) refuse("it is not a zip file");
  if (data.size() > max_bytes) refuse("it is larger than " + std::to_string(max_bytes) + " bytes");
  if (data.size() < end_size || data.substr(data.size() - end_size, 4) != std::string_view("PK\5\6", 4))
    refuse("it is truncated, or something is appended to it");
  const size_t end = data.size() - end_size;
  const unsigned here = two(data, end + 8), count = two(data, end + 10);
  const uint64_t size = four(data, end + 12), offset = four(data, end + 16);
  if (two(data, end + 4) || two(data, end + 6) || here != count || two(data, end + 20) || offset + size != end)
    refuse("its end record is damaged");
  if (count > max_members) refuse("it has too many members");
  return {count, static_cast<size_t>(offset), static_cast<size_t>(size)};
}

void check_name(const std::string& name) {
  const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
  });
  if (!plain || name.front() == '.') refuse("a member's name is not one that artifacts use");
}

std::vector<Entry> read_directory(std::string_view data, const Directory& directory) {
  std::vector<Entry> entries;
  size_t at = directory.offset;
  const size_t stop = directory.offset + directory.size;
  for (size_t i = 0; i < directory.count; ++i) {
    if (stop - at < central_size || data.substr(at, 4) != std::string_view("PK\1\2", 4)) refuse("its directory is damaged");
    const size_t name_size = two(data, at + 28), more = two(data, at + 30) + size_t{two(data, at + 32)};
    if (stop - at - central_size < name_size + more || two(data, at + 34)) refuse("its directory is damaged");
    Entry entry{std::string(data.substr(at + central_size, name_size)), two(data, at + 8), two(data, at + 10), four(data, at + 16),
                four(data, at + 20), four(data, at + 24), four(data, at + 42)};
    check_name(entry.name);
    if ((entry.flags & encrypted) || (entry.flags & ~allowed_flags) || (entry.method != stored && entry.method != deflated))
      refuse("its member '" + entry.name + "' is packed in a way that artifacts do not use");
    if (entry.size > ratio_free && entry.size > max_ratio * entry.packed)
      refuse("its member '" + entry.name + "' unpacks to more than " + std::to_string(max_ratio) + " times its size");
    entries.push_back(std::move(entry));
    at += central_size + name_size + more;
  }
  if (at != stop) refuse("its directory is damaged");
  return entries;
}

struct Inflater {
  z_stream stream{};
  Inflater() {
    if (inflateInit2(&stream, -15) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream); }
};

// False when the bytes are no deflate stream of exactly `size` bytes. Both sizes are below 2^30.
bool unpack(std::string_view packed, size_t size, std::string& body) {
  body.resize(size + 1);   // one byte too many shows a lie without unpacking it all
  Inflater inflater;
  inflater.stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  inflater.stream.avail_in = static_cast<uInt>(packed.size());
  inflater.stream.next_out = reinterpret_cast<Bytef*>(body.data());
  inflater.stream.avail_out = static_cast<uInt>(body.size());
  const int ended = inflate(&inflater.stream, Z_FINISH);
  const bool whole = ended == Z_STREAM_END && inflater.stream.total_out == size && inflater.stream.avail_in == 0;
  body.resize(size);
  return whole;
}

// Unpacks the member that must begin at `expected`; gives the offset behind it.
size_t read_member(std::string_view data, const Entry& entry, size_t expected, size_t directory, std::string& body) {
  const std::string damaged = "its member '" + entry.name + "' is damaged";
  if (entry.offset != expected || directory < expected || directory - expected < local_size) refuse(damaged);
  const size_t name_size = two(data, expected + 26), extra = two(data, expected + 28);
  const size_t begin = expected + local_size + name_size + extra;
  const bool same = data.substr(expected, 4) == std::string_view("PK\3\4", 4) && two(data, expected + 6) == entry.flags &&
                    two(data, expected + 8) == entry.method && four(data, expected + 14) == entry.crc &&
                    four(data, expected + 18) == entry.packed && four(data, expected + 22) == entry.size;
  if (!same || begin > directory || directory - begin < entry.packed) refuse(damaged);
  if (data.substr(expected + local_size, name_size) != entry.name) refuse(damaged);
  const std::string_view packed = data.substr(begin, entry.packed);
  if (entry.method == stored) {
    body = packed;
  } else if (!unpack(packed, entry.size, body)) {
    refuse(damaged);
  }
  const uLong crc = crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  if (body.size() != entry.size || crc != entry.crc) refuse(damaged);
  return begin + entry.packed;
}

}  // namespace

std::map<std::string, std::string> read_archive(std::string_view data) {
  const Directory directory = find_directory(data);
  std::vector<Entry> entries = read_directory(data, directory);
  uint64_t total = 0;
  for (const Entry& entry : entries) total += entry.size;   // at most 64 times 2^32
  if (total > max_bytes) refuse("its members unpack to " + std::to_string(total) + " bytes, more than is allowed");
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.offset < b.offset; });
  std::map<std::string, std::string> members;
  size_t position = 0;
  for (const Entry& entry : entries) {
    const auto [place, fresh] = members.emplace(entry.name, std::string());
    if (!fresh) refuse("it has two members named '" + entry.name + "'");
    position = read_member(data, entry, position, directory.offset, place->second);
  }
  if (position != directory.offset) refuse("it has bytes that belong to no member");
  return members;
}

}  // namespace scoring
