// Which format a file has: by its first bytes, then by its name.
#pragma once

#include <string>
#include <string_view>

#include "engine/types.h"

namespace engine::worker {

enum class FileFormat { PlainText, Markdown, Html, Pdf, Epub, Gzip };

/// Content wins over the name. Errors: Unsupported ("skipped: …", with what the file looks like), Refused (the name promises
/// a format that the content breaks).
Result<FileFormat> detectFormat(std::string_view bytes, const std::string& name);

}  // namespace engine::worker
