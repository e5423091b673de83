# For cmake under cargo-zigbuild, 32-bit ARM: zig compiles all files for one chip, so that libopus' NEON sources, which are chosen
# between at run time elsewhere, must stay out. The compiler is the one that cargo-zigbuild gives to everybody.
string(REPLACE "-" "_" target "$ENV{TARGET}")
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER "$ENV{CC_${target}}")
set(CMAKE_CXX_COMPILER "$ENV{CXX_${target}}")
set(CMAKE_C_LINKER_DEPFILE_SUPPORTED FALSE)
set(CMAKE_CXX_LINKER_DEPFILE_SUPPORTED FALSE)
set(OPUS_DISABLE_INTRINSICS ON CACHE BOOL "")
