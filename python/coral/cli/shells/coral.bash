# Completion of coral for bash.
_coral_completion() {
    # bash also splits words at : and =, coral does not: what stands together is joined again.
    local rest="${COMP_LINE:0:COMP_POINT}" word i
    local -a words=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word="${COMP_WORDS[i]}"
        if [[ ${#words[@]} -gt 0 && -n $rest && $rest != [[:space:]]* ]]; then
            words[${#words[@]} - 1]+="$word"
        else
            rest="${rest#"${rest%%[![:space:]]*}"}"
            words+=("$word")
        fi
        rest="${rest#"$word"}"
    done
    local current="${words[${#words[@]} - 1]}" known=""
    # What readline replaces begins after the last of them.
    [[ $current == *[:=]* && $COMP_WORDBREAKS == *[:=]* ]] && known="${current%"${current##*[:=]}"}"

    local IFS=$'\n' response type value
    response=$(COMP_WORDS="${words[*]}" COMP_CWORD=$((${#words[@]} - 1)) _CORAL_COMPLETE=bash_complete "$1" 2>/dev/null)
    COMPREPLY=()
    while IFS=',' read -r type value; do
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain)
                value="${value#"$known"}"
                # What is added here is read as a command line. Within quotes of the user nothing can be quoted.
                if [[ $value == *[^[:alnum:]_./:=@%+,-]* ]]; then
                    if [[ $current != *[\'\"]* ]]; then
                        printf -v value %q "$value"
                    elif [[ $value == *[^[:alnum:]_./:=@%+,\ -]* ]]; then
                        continue
                    fi
                fi
                COMPREPLY+=("$value")
                [[ $value == *[:=] ]] && compopt -o nospace
                ;;
        esac
    done <<<"$response"
    return 0
}
complete -o nosort -F _coral_completion coral
