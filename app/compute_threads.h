// How the compute threads wait for each other.
#pragma once

namespace app {

/// Compute threads that wait for one another give their processor up soon, unless the environment says how they wait. OpenMP's own
/// way is to spin for long, which makes everything several times slower as soon as another program computes too. The runtime reads
/// the environment when it is loaded, so this starts the program again, once; it returns when that is not needed or not possible.
/// To be called first in main().
void waitBriefly(char** argv);

}  // namespace app
