"""The platforms that Coral has a wheel for."""

# Coral's wheel tag -> the tag by which pip finds Deno's wheel, and the binary's name in it.
# Deno's macOS arm64 binary starts on macOS 12 and newer, whatever its own tag says.
PLATFORMS = {
    "manylinux_2_27_x86_64": struct(pip = "manylinux_2_27_x86_64", binary = "deno", repository = "coral_deno_linux_x86_64"),
    "manylinux_2_27_aarch64": struct(pip = "manylinux_2_27_aarch64", binary = "deno", repository = "coral_deno_linux_aarch64"),
    "macosx_12_0_x86_64": struct(pip = "macosx_12_0_x86_64", binary = "deno", repository = "coral_deno_macos_x86_64"),
    "macosx_12_0_arm64": struct(pip = "macosx_12_0_arm64", binary = "deno", repository = "coral_deno_macos_arm64"),
    "win_amd64": struct(pip = "win_amd64", binary = "deno.exe", repository = "coral_deno_windows_x86_64"),
}
