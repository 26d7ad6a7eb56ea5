// Lists of words in one attribute: class, epub:type, properties.
#pragma once

#include <cstddef>
#include <string_view>

namespace engine::worker {

/// Whether one of the words of `list`, separated by spaces, is `word`.
inline bool hasWord(std::string_view list, std::string_view word) {
    for (std::size_t at = list.find(word); at != std::string_view::npos; at = list.find(word, at + 1)) {
        const bool begins = at == 0 || list[at - 1] == ' ';
        const std::size_t end = at + word.size();
        if (begins && (end == list.size() || list[end] == ' '))
            return true;
    }
    return false;
}

}  // namespace engine::worker
