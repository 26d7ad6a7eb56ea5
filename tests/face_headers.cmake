# Face headers compile alone: each is in its target's header set, and the set's verification target builds.
# Run: cmake -DBUILD=<build tree> -DUNLISTED=<face headers in no header set, joined by |> -P face_headers.cmake
cmake_minimum_required(VERSION 3.25)

if(UNLISTED)
  string(REPLACE "|" "\n  " names "${UNLISTED}")
  message(FATAL_ERROR "face headers in no FILE_SET HEADERS of their module's target, so not verified:\n  ${names}")
endif()
execute_process(COMMAND ${CMAKE_COMMAND} --build ${BUILD} --target all_verify_interface_header_sets RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "a face header does not compile alone")
endif()
