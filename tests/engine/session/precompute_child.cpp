// A process to be killed: precomputes a workspace's given chunks and says on stdout, after each publication, how many tokens are safe.
#include <unistd.h>

#include <cstdio>
#include <string>

#include "tests/engine/session/many_chunks.h"

namespace {

class TellingObserver final : public engine::JobObserver {
public:
    void progress(std::string_view, std::int64_t done, std::int64_t, std::string_view) override {
        char line[32];
        const int length = std::snprintf(line, sizeof line, "%lld\n", static_cast<long long>(done));
        (void)!::write(STDOUT_FILENO, line, static_cast<std::size_t>(length));
    }
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3)
        return 2;
    engine::EngineOptions options;
    options.workspace = argv[1];
    options.model = argv[2];
    const auto engine = engine::Engine::open(options);
    if (!engine.ok()) {
        std::fprintf(stderr, "%s\n", engine.status().message().c_str());
        return 1;
    }
    TellingObserver observer;
    const auto report = (*engine)->precompute(manyChunks(), observer, {});
    return report.ok() ? 0 : 1;
}
