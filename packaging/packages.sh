# The Debian packages that this project needs, and how to install them. Sourced by test.sh and demo.sh.

build_packages=(
    g++ cmake ninja-build ccache mold pkg-config
    nlohmann-json3-dev libcli11-dev
    libsqlite3-dev libssl-dev libxxhash-dev
    libdnnl-dev libsentencepiece-dev libutf8proc-dev
    libpoppler-cpp-dev libgumbo-dev libcmark-dev libzip-dev libexpat1-dev zlib1g-dev libseccomp-dev
)
# The workbench, and fonts for its offscreen pictures.
gui_packages=(qt6-base-dev qt6-svg-dev libgl-dev qt6-qpa-plugins fonts-inter fonts-dejavu-core)
model_packages=(ca-certificates python3 python3-pip unzip)
test_packages=(libgtest-dev clang-format-14 git strace zip)
# The documents that the demo asks questions about.
demo_packages=(debian-faq debian-policy developers-reference doc-debian)

is_installed() {
    [[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]
}

# install_packages NAME…: installs those that are missing; with none missing the network is not touched.
install_packages() {
    local missing=() package root=()
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    if ((${#missing[@]} == 0)); then
        echo "all $# packages are installed"
        return 0
    fi
    echo "installing ${#missing[@]} packages: ${missing[*]}"
    if ((EUID != 0)); then
        if ! command -v sudo >/dev/null; then
            echo "error: not root, and sudo is missing. As root run: apt-get install --no-install-recommends ${missing[*]}" >&2
            return 1
        fi
        root=(sudo)
    fi
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=3 update
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
        install --no-install-recommends "${missing[@]}"
}
