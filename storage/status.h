// Status and Result<T>: how every expected failure travels. Thread-safe values; no exceptions involved.
#pragma once

#include <cassert>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace storage {

/// What went wrong, for programs. The sentence for people is Status::message().
enum class StatusCode {
    Ok,
    InvalidArgument,  // the caller's input cannot be used (wrong option, malformed id)
    NotFound,         // a named file, collection, chunk or record does not exist
    AlreadyExists,
    Damaged,    // bytes on disk fail their check; a cache answers with a miss
    IoError,    // a system call failed; the message names path and errno
    NoSpace,    // disk full or byte cap reached; the message names the bytes needed
    Busy,       // another process holds the workspace
    Cancelled,  // a stop was requested; finished work is kept
    OutOfMemory,
    Unsupported,  // well-formed, but not something this program handles (the message names it)
    Refused,      // a file that breaks its format's rules (model, document, database of a newer version)
    ReadOnly,
    Internal
};

std::string_view statusCodeName(StatusCode code);

/// Outcome of an operation: a code for programs and a sentence for people.
class [[nodiscard]] Status {
public:
    Status() = default;
    Status(StatusCode code, std::string message) : m_code(code), m_message(std::move(message)) {}

    bool ok() const { return m_code == StatusCode::Ok; }
    StatusCode code() const { return m_code; }
    const std::string& message() const { return m_message; }

    /// "context: message", same code; an ok status stays ok. Context is added as the error rises.
    Status withContext(std::string_view context) const&;

private:
    StatusCode m_code = StatusCode::Ok;
    std::string m_message;
};

/// A value or the Status that says why there is none. Never holds an ok Status.
template <class T>
class [[nodiscard]] Result {
public:
    Result(T value) : m_state(std::in_place_index<0>, std::move(value)) {}
    Result(Status status) : m_state(std::in_place_index<1>, std::move(status)) { assert(!std::get<1>(m_state).ok()); }

    bool ok() const { return m_state.index() == 0; }
    explicit operator bool() const { return ok(); }
    /// Ok when a value is held.
    Status status() const { return ok() ? Status() : std::get<1>(m_state); }

    T& value() & { return std::get<0>(m_state); }
    const T& value() const& { return std::get<0>(m_state); }
    T&& value() && { return std::get<0>(std::move(m_state)); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

private:
    std::variant<T, Status> m_state;
};

}  // namespace storage
