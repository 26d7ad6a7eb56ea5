// Status: names of codes and context added as an error rises.
#include "storage/status.h"

namespace storage {

std::string_view statusCodeName(StatusCode code) {
    switch (code) {
        case StatusCode::Ok:
            return "ok";
        case StatusCode::InvalidArgument:
            return "invalid argument";
        case StatusCode::NotFound:
            return "not found";
        case StatusCode::AlreadyExists:
            return "already exists";
        case StatusCode::Damaged:
            return "damaged";
        case StatusCode::IoError:
            return "input/output error";
        case StatusCode::NoSpace:
            return "no space";
        case StatusCode::Busy:
            return "busy";
        case StatusCode::Cancelled:
            return "cancelled";
        case StatusCode::OutOfMemory:
            return "out of memory";
        case StatusCode::Unsupported:
            return "unsupported";
        case StatusCode::Refused:
            return "refused";
        case StatusCode::ReadOnly:
            return "read-only";
        case StatusCode::Internal:
            return "internal error";
    }
    return "unknown";
}

Status Status::withContext(std::string_view context) const& {
    if (ok())
        return *this;
    return Status(m_code, std::string(context) + ": " + m_message);
}

}  // namespace storage
