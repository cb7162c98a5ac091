# How a folder becomes a target: the link lines written with these functions are the dependency picture.

# Flags every target of ours is compiled with. Never -march: CPU code picks its instructions at run time.
add_library(peira_flags INTERFACE)
target_compile_features(peira_flags INTERFACE cxx_std_20)
target_compile_options(peira_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wshadow -Wconversion -Werror>
  # Contraction would let the compiler choose where a*b+c rounds once: results must not depend on it.
  $<$<COMPILE_LANGUAGE:CXX>:-ffp-contract=off>
  $<$<COMPILE_LANGUAGE:CUDA>:-std=c++20;--fmad=false;--extended-lambda;--expt-relaxed-constexpr;-Werror=all-warnings>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 takes "text" + std::string for an overlapping copy (GCC bug 105651).
  target_compile_options(peira_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
endif()
if(PEIRA_SANITIZE)
  target_compile_options(peira_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${PEIRA_SANITIZE} -fno-omit-frame-pointer>)
  target_link_options(peira_flags INTERFACE -fsanitize=${PEIRA_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 12 reports false maybe-uninitialized under sanitizers (GCC bug 105562).
    target_compile_options(peira_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-maybe-uninitialized>)
  endif()
endif()
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

# Compiler cache and a fast linker where the machine has them.
find_program(PEIRA_CCACHE ccache)
if(PEIRA_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${PEIRA_CCACHE})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${PEIRA_CCACHE})
endif()
find_program(PEIRA_MOLD mold)
if(PEIRA_MOLD AND CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
  add_link_options(-fuse-ld=mold)
endif()

# peira_library(NAME stats HEADERS a.h SOURCES a.cpp DEPENDS peira::base PRIVATE_DEPENDS Boost::headers)
# makes the static library peira_stats, alias peira::stats; headers are included from the project's root.
function(peira_library)
  cmake_parse_arguments(ARG "" "NAME" "HEADERS;SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  set(target peira_${ARG_NAME})
  add_library(${target} STATIC ${ARG_SOURCES})
  add_library(peira::${ARG_NAME} ALIAS ${target})
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
  target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${ARG_HEADERS})
  target_link_libraries(${target} PUBLIC ${ARG_DEPENDS} PRIVATE ${ARG_PRIVATE_DEPENDS} $<BUILD_INTERFACE:peira_flags>)
  target_compile_features(${target} PUBLIC cxx_std_20)
  install(TARGETS ${target} COMPONENT development
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
          FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/peira)
endfunction()

# peira_test(NAME stats_test SOURCES ... DEPENDS peira::stats [LABEL unit] [TIMEOUT 120])
# makes a GoogleTest binary registered with ctest as one test under its label: unit, e2e, cuda or slow.
function(peira_test)
  if(NOT PEIRA_BUILD_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "NAME;LABEL;TIMEOUT" "SOURCES;DEPENDS" ${ARGN})
  if(NOT ARG_LABEL)
    set(ARG_LABEL unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(${ARG_NAME} ${ARG_SOURCES})
  target_link_libraries(${ARG_NAME} PRIVATE ${PEIRA_LINK_FIRST} ${ARG_DEPENDS} GTest::gtest GTest::gmock GTest::gtest_main peira_flags)
  target_compile_definitions(${ARG_NAME} PRIVATE PEIRA_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  add_test(NAME ${ARG_NAME} COMMAND ${ARG_NAME})
  set_tests_properties(${ARG_NAME} PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT})
endfunction()

# peira_benchmark(NAME moe_bench SOURCES ... DEPENDS ...): a Google Benchmark binary under build/bench.
function(peira_benchmark)
  if(NOT PEIRA_BUILD_BENCHMARKS OR NOT benchmark_FOUND)
    return()
  endif()
  cmake_parse_arguments(ARG "" "NAME" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${ARG_NAME} ${ARG_SOURCES})
  target_link_libraries(${ARG_NAME} PRIVATE ${PEIRA_LINK_FIRST} ${ARG_DEPENDS} benchmark::benchmark benchmark::benchmark_main peira_flags)
  set_target_properties(${ARG_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bench)
endfunction()

# peira_embed(TARGET t NAME peira_mini FILES a b) puts files into the binary; read them back through
#   namespace peira { std::span<const EmbeddedFile> embedded_<name>(); }   (base/embedded.h)
function(peira_embed)
  cmake_parse_arguments(ARG "" "TARGET;NAME" "FILES" ${ARGN})
  set(asm "  .section .rodata\n")
  set(decls "")
  set(rows "")
  set(index 0)
  foreach(file IN LISTS ARG_FILES)
    get_filename_component(path ${file} ABSOLUTE)
    get_filename_component(name ${file} NAME)
    set(symbol "peira_embedded_${ARG_NAME}_${index}")
    string(APPEND asm "  .balign 64\n  .global ${symbol}\n${symbol}:\n  .incbin \"${path}\"\n"
                      "  .global ${symbol}_end\n${symbol}_end:\n  .byte 0\n")
    string(APPEND decls "extern \"C\" const std::byte ${symbol}[];\nextern \"C\" const std::byte ${symbol}_end[];\n")
    string(APPEND rows "      {\"${name}\", {${symbol}, ${symbol}_end}},\n")
    list(APPEND paths ${path})
    math(EXPR index "${index} + 1")
  endforeach()
  string(APPEND asm "  .section .note.GNU-stack,\"\",%progbits\n")
  set(asm_file ${CMAKE_CURRENT_BINARY_DIR}/embedded_${ARG_NAME}.S)
  set(cpp_file ${CMAKE_CURRENT_BINARY_DIR}/embedded_${ARG_NAME}.cpp)
  file(CONFIGURE OUTPUT ${asm_file} CONTENT "${asm}" @ONLY)
  file(CONFIGURE OUTPUT ${cpp_file} CONTENT "#include \"base/embedded.h\"\n\n${decls}\nnamespace peira {\nstd::span<const EmbeddedFile> embedded_${ARG_NAME}();\nstd::span<const EmbeddedFile> embedded_${ARG_NAME}() {\n  static const EmbeddedFile files[] = {\n${rows}  };\n  return files;\n}\n}  // namespace peira\n" @ONLY)
  set_source_files_properties(${asm_file} PROPERTIES OBJECT_DEPENDS "${paths}")
  target_sources(${ARG_TARGET} PRIVATE ${asm_file} ${cpp_file})
endfunction()
