// The subcommands' own options: one class each, which registers them and turns what was parsed into the command's value.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "app/command_line.h"

namespace CLI {
class App;
}

namespace app {

/// Owns the texts that its options are parsed into, so it must outlive the parse.
class Subcommand {
public:
    virtual ~Subcommand() = default;
    /// Throws CLI::ValidationError for what only the options together can tell.
    virtual Command build() const = 0;
};

/// A registered subcommand; `app` is owned by the application it was added to.
struct NamedSubcommand {
    CLI::App* app = nullptr;
    std::unique_ptr<Subcommand> subcommand;
};

/// Adds every subcommand to `app`, in the order in which help lists them.
std::vector<NamedSubcommand> addSubcommands(CLI::App& app);

}  // namespace app
