// Tokens may end in the middle of a character: holds bytes back until they form valid UTF-8.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace engine {

/// Hands on only whole, valid characters; bytes that can never become one are handed on as U+FFFD. One thread.
class Utf8Stream {
public:
    explicit Utf8Stream(std::function<void(std::string_view)> sink) : m_sink(std::move(sink)) {}

    void add(std::string_view bytes);
    /// Nothing more comes: what was held back is no character.
    void finish();

private:
    std::function<void(std::string_view)> m_sink;
    std::string m_held;
};

}  // namespace engine
