# Installs into a temporary folder and runs the programs from there, with nothing of the build tree in reach.
# -DBUILD= build folder, -DWORK= scratch folder, -DGUI= whether the workbench was built, -DWORKER= whether the document worker was.
file(REMOVE_RECURSE ${WORK})
set(prefix ${WORK}/usr)
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix} OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)

set(expected bin/cacheblend libexec/cacheblend-workbench/fetch_model.sh share/doc/cacheblend-workbench/LICENSE)
if(WORKER)
  list(APPEND expected libexec/cacheblend-workbench/cacheblend-document-worker)
endif()
if(GUI)
  list(APPEND expected bin/cacheblend-workbench share/applications/cacheblend-workbench.desktop
       share/metainfo/io.github.cacheblend_workbench.metainfo.xml share/icons/hicolor/scalable/apps/cacheblend-workbench.svg
       share/cacheblend-workbench/samples/staff-handbook.md)
endif()
foreach(file ${expected})
  if(NOT EXISTS ${prefix}/${file})
    message(SEND_ERROR "${file} was not installed")
  endif()
endforeach()

# run(WORD... COMMAND command...): the command succeeds, and its output has each word.
function(run)
  cmake_parse_arguments(ARG "" "" "SAYS;COMMAND" ${ARGN})
  execute_process(
    COMMAND ${CMAKE_COMMAND} -E env --unset=CACHEBLEND_DOCUMENT_WORKER XDG_DATA_HOME=${WORK}/data XDG_CONFIG_HOME=${WORK}/config
            QT_QPA_PLATFORM=offscreen ${ARG_COMMAND}
    WORKING_DIRECTORY ${WORK} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    message(SEND_ERROR "${ARG_COMMAND} ended with ${status}:\n${output}")
  endif()
  foreach(word ${ARG_SAYS})
    if(NOT output MATCHES "${word}")
      message(SEND_ERROR "${ARG_COMMAND} does not say ${word}:\n${output}")
    endif()
  endforeach()
endfunction()

run(SAYS "back ?ends?" COMMAND ${prefix}/bin/cacheblend doctor --workspace ${WORK}/workspace)
if(WORKER)
  file(WRITE ${WORK}/notes.html "<html><body><h1>Springs</h1><p>Eleven springs feed the valley.</p></body></html>")
  run(SAYS "1 indexed" COMMAND ${prefix}/bin/cacheblend import ${WORK}/notes.html --collection notes --workspace ${WORK}/workspace
      --model ${MODEL})
endif()
if(GUI)
  run(COMMAND ${prefix}/bin/cacheblend-workbench --screenshot ${WORK}/first.png --workspace ${WORK}/none --size 1280x800)
  file(READ ${WORK}/first.png signature LIMIT 8 HEX)
  if(NOT signature STREQUAL "89504e470d0a1a0a")
    message(SEND_ERROR "the workbench drew no picture")
  endif()
endif()
