// Evaluates CEL expressions on devices with the code of Kubernetes itself, as a measure for gfd.
//
// Reads {"devices": […], "expressions": […]} from the standard input. For each expression, writes a line of
// JSON: why the API server refuses it, or what it gives on each device as kube-scheduler evaluates it.
package main

import (
	"context"
	"encoding/json"
	"os"
	"strconv"

	resourceapi "k8s.io/api/resource/v1"
	"k8s.io/apiserver/pkg/cel/environment"
	"k8s.io/dynamic-resource-allocation/cel"
)

type device struct {
	Driver                   string                                                    `json:"driver"`
	AllowMultipleAllocations *bool                                                     `json:"allowMultipleAllocations"`
	Attributes               map[resourceapi.QualifiedName]resourceapi.DeviceAttribute `json:"attributes"`
	Capacity                 map[resourceapi.QualifiedName]resourceapi.DeviceCapacity  `json:"capacity"`
}

type input struct {
	Devices     []device `json:"devices"`
	Expressions []string `json:"expressions"`
}

type output struct {
	Refusal string   `json:"refusal"`
	Results []string `json:"results"`
}

func main() {
	var given input
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		panic(err)
	}
	encoder := json.NewEncoder(os.Stdout)
	for _, expression := range given.Expressions {
		if err := encoder.Encode(judge(expression, given.Devices)); err != nil {
			panic(err)
		}
	}
}

func judge(expression string, devices []device) output {
	// The feature gates as they are in Kubernetes 1.37 by default.
	compiler := cel.GetCompiler(cel.Features{EnableConsumableCapacity: true})
	created, stored := environment.NewExpressions, environment.StoredExpressions
	checked := compiler.CompileCELExpression(expression, cel.Options{EnvType: &created})
	if checked.Error != nil {
		return output{Refusal: checked.Error.Detail}
	}
	if checked.MaxCost > resourceapi.CELSelectorExpressionMaxCost {
		return output{Refusal: "too complex, exceeds cost limit"}
	}
	compiled := compiler.CompileCELExpression(expression, cel.Options{EnvType: &stored, DisableCostEstimation: true})
	if compiled.Error != nil {
		panic(compiled.Error)
	}
	var results []string
	for _, each := range devices {
		matches, _, err := compiled.DeviceMatches(context.Background(), cel.Device(each))
		if err != nil {
			results = append(results, "error: "+err.Error())
		} else {
			results = append(results, strconv.FormatBool(matches))
		}
	}
	return output{Results: results}
}
