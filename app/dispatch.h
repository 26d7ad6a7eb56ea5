// From arguments to an exit status: parse, open what the command needs, run it.
#pragma once

#include <string>
#include <vector>

#include "app/command_context.h"

namespace app {

/// `context.form` and `.quiet` are set from the arguments. Help goes to `out`, wrong usage to `err`.
ExitStatus runCommandLine(const std::vector<std::string>& arguments, const Environment& environment, const EngineDoor& door,
                          CommandContext& context);

}  // namespace app
