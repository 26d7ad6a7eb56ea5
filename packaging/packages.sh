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
# Real documents: the demo asks questions about them, tests read them.
document_packages=(debian-faq debian-policy developers-reference doc-debian)

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

# documents_root FOLDER: prints the root below which the files of document_packages lie. Where they were installed without
# /usr/share/doc (as in container images), they are unpacked into FOLDER.
documents_root() {
    local folder="$1" name root=/ unpacked
    for name in usr/share/doc/debian-policy/policy.pdf.gz usr/share/doc/debian/FAQ/debian-faq.en.pdf.gz \
        usr/share/doc/debian/constitution.txt.gz usr/share/developers-reference/pkgs.html; do
        [[ -e "/$name" ]] || root="$folder"
        [[ -e "$folder/$name" ]] || unpacked=no
    done
    if [[ "$root" != / && "${unpacked:-yes}" == no ]]; then
        echo "this installation leaves out /usr/share/doc; unpacking the documents to $folder" >&2
        mkdir -p "$folder"
        local archives
        archives="$(mktemp -d)"
        (cd "$archives" && apt-get -q download "${document_packages[@]}" >&2)
        for name in "$archives"/*.deb; do
            dpkg-deb -x "$name" "$folder"
        done
        rm -rf "$archives"
    fi
    echo "${root%/}"
}
